public import KnocknocModel

/// This machine's clocks; tests drive their own.
public protocol Clocks: Sendable {
    /// The kernel's boot id; one value for the life of the process.
    var bootID: String { get }
    /// CLOCK_BOOTTIME: counts through suspend.
    func boot() -> BootTime
    /// CLOCK_MONOTONIC in milliseconds: stands still in suspend.
    func monotonic() -> Int64
    /// The wall clock, which anybody may set.
    func wall() -> Timestamp
    /// Whether the kernel calls the wall clock synchronised.
    func isSynchronised() -> Bool
    /// Returns after so many milliseconds, or at once when the task is cancelled.
    nonisolated(nonsending) func sleep(milliseconds: Int64) async
}
