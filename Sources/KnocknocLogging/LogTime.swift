import KnocknocModel

enum LogTime {
    /// `2026-01-02T03:04:05.678Z`, always of one width so that columns align.
    static func text(_ milliseconds: Int64) -> String {
        let whole = Timestamp(microseconds: milliseconds / 1000 * 1_000_000).description.dropLast()
        let rest = String(milliseconds % 1000)
        return whole + "." + String(repeating: "0", count: 3 - rest.count) + rest + "Z"
    }
}
