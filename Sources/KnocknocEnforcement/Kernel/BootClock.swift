import Glibc
public import KnocknocModel

/// This machine's CLOCK_BOOTTIME.
public enum BootClock {
    /// Now, in whole milliseconds rounded up, so that what is left is never overrated.
    public static func now() -> BootTime {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return BootTime(milliseconds: Int64(time.tv_sec) * 1000 + (Int64(time.tv_nsec) + 999_999) / 1_000_000)
    }

    /// CLOCK_REALTIME in whole milliseconds since 1970.
    public static func wall() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
