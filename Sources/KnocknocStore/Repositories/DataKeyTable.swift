package import KnocknocModel

/// The statements about the site's data key.
package enum DataKeyTable {
    package static func one() -> Statement {
        Statement("select wrapping, material, check_value from data_keys where id = 1")
    }

    /// Makes the row unless another node was faster.
    package static func insert(wrapping: String, material: [UInt8], checkValue: [UInt8]?, now: Timestamp) -> Statement {
        Statement(
            """
            insert into data_keys (id, wrapping, material, check_value, created_at, changed_at)
            values (1, $1, $2, $3, $4, $4)
            on conflict (id) do nothing
            returning id
            """, wrapping, material, checkValue, now)
    }

    /// Wraps a key that is not; one that is stays.
    package static func wrap(wrapping: String, material: [UInt8], checkValue: [UInt8], now: Timestamp) -> Statement {
        Statement(
            """
            update data_keys set wrapping = $1, material = $2, check_value = $3, changed_at = $4
            where id = 1 and wrapping = 'none'
            returning id
            """, wrapping, material, checkValue, now)
    }
}
