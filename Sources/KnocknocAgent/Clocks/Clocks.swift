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
    /// Returns when ``monotonic()`` has come to `moment`, or at once when the task is cancelled. A moment and not a time, so
    /// that whoever comes late to sleep does not wake late.
    nonisolated(nonsending) func sleep(until moment: Int64) async
}
