/// A moment by one machine's CLOCK_BOOTTIME in milliseconds: it counts through suspend and is never set (time(7)).
/// Only moments of the same boot can be compared; whoever stores one stores the boot's id beside it.
public struct BootTime: Hashable, Comparable, Sendable, Codable {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    /// What no clock can show is long past: an absurd number ends access and never prolongs it.
    public func adding(milliseconds: Int64) -> BootTime {
        let sum = self.milliseconds.addingReportingOverflow(milliseconds)
        return BootTime(milliseconds: sum.overflow ? .min : sum.partialValue)
    }

    /// Until when to keep what protects: never shorter than asked for.
    public func keeping(milliseconds: Int64) -> BootTime {
        let sum = self.milliseconds.addingReportingOverflow(milliseconds)
        return BootTime(milliseconds: sum.overflow ? .max : sum.partialValue)
    }

    /// Milliseconds from `earlier` to this moment, as far as they can be counted.
    public func milliseconds(since earlier: BootTime) -> Int64 {
        let difference = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return difference.overflow ? (milliseconds < earlier.milliseconds ? .min : .max) : difference.partialValue
    }

    public init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}
