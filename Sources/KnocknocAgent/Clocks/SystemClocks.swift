import CTimex
import Glibc
public import KnocknocModel

/// The kernel's clocks.
public struct SystemClocks: Clocks {
    public let bootID: String

    /// - Throws: ``AgentError`` where `/proc` does not tell the boot id.
    public init() throws(AgentError) {
        let text = try FileText.read("/proc/sys/kernel/random/boot_id", limit: 64)
        bootID = String(text.prefix { !$0.isWhitespace })
    }

    public func boot() -> BootTime { BootTime(milliseconds: Self.read(CLOCK_BOOTTIME) / 1_000_000) }

    public func monotonic() -> Int64 { Self.read(CLOCK_MONOTONIC) / 1_000_000 }

    public func wall() -> Timestamp { Timestamp(microseconds: Self.read(CLOCK_REALTIME) / 1000) }

    /// adjtimex(2) answers TIME_ERROR or sets STA_UNSYNC while nothing disciplines the clock.
    public func isSynchronised() -> Bool {
        var state = timex()
        let answer = adjtimex(&state)
        return answer >= 0 && answer != TIME_ERROR && state.status & STA_UNSYNC == 0
    }

    public nonisolated(nonsending) func sleep(until moment: Int64) async {
        let left = moment - monotonic()
        if left > 0 { try? await Task.sleep(for: .milliseconds(left)) }
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
