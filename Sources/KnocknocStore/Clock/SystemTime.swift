import Glibc
public import KnocknocModel

/// This machine's own clock.
public enum SystemTime {
    /// The wall clock (CLOCK_REALTIME, clock_gettime(2)).
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
