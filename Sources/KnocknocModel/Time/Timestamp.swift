/// A moment by the database's clock: microseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    public let microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    public func adding(seconds: Int64) -> Timestamp { Timestamp(microseconds: microseconds + seconds * 1_000_000) }

    public func adding(milliseconds: Int64) -> Timestamp {
        Timestamp(microseconds: microseconds + milliseconds * 1_000)
    }

    /// Whole milliseconds from `earlier` to this moment, rounded down; negative where this moment is before it.
    public func milliseconds(since earlier: Timestamp) -> Int64 {
        let difference = microseconds.subtractingReportingOverflow(earlier.microseconds)
        guard !difference.overflow else { return microseconds < earlier.microseconds ? .min / 1000 : .max / 1000 }
        return difference.partialValue.floorDivided(by: 1000)
    }
}
