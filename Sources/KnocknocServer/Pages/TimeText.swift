import KnocknocModel

/// A moment for people: the page's script puts it into the reader's own zone, UTC is what stands without it.
struct TimeText {
    /// RFC 3339.
    var value: String
    var text: String

    init(_ time: Timestamp) {
        value = time.description
        text = Self.dateAndClock(value)
    }

    /// `14:32 UTC`.
    static func clock(_ time: Timestamp) -> String { time.description.dropFirst(11).prefix(5) + " UTC" }

    /// `2026-01-02 14:32 UTC`.
    private static func dateAndClock(_ text: String) -> String {
        text.prefix(10) + " " + text.dropFirst(11).prefix(5) + " UTC"
    }
}
