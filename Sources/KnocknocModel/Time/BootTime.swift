/// A moment by one machine's CLOCK_BOOTTIME in milliseconds: it counts through suspend and is never set (time(7)).
/// Only moments of the same boot can be compared; whoever stores one stores the boot's id beside it.
public struct BootTime: Hashable, Comparable, Sendable, Codable {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    public func adding(milliseconds: Int64) -> BootTime {
        BootTime(milliseconds: self.milliseconds.addingReportingOverflow(milliseconds).partialValue)
    }

    /// Milliseconds from `earlier` to this moment.
    public func milliseconds(since earlier: BootTime) -> Int64 { milliseconds - earlier.milliseconds }

    public init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}
