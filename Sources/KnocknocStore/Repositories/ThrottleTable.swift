package import KnocknocModel

/// The statements about failed sign-ins.
package enum ThrottleTable {
    package static func counts(bucket: Timestamp, _ first: String, _ second: String) -> Statement {
        Statement(
            "select key, failures from sign_in_failures where bucket = $1 and key in ($2, $3)", bucket, first, second)
    }

    package static func count(_ key: String, bucket: Timestamp) -> Statement {
        Statement(
            """
            insert into sign_in_failures (key, bucket, failures) values ($1, $2, 1)
            on conflict (key, bucket) do update set failures = sign_in_failures.failures + 1
            """, key, bucket)
    }

    package static func prune(before: Timestamp) -> Statement {
        Statement("delete from sign_in_failures where bucket < $1", before)
    }
}
