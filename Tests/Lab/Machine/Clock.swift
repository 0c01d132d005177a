import Glibc

/// The clock that every process on this machine shares, in seconds; what the probes print is on it too.
public enum Clock {
    public static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
