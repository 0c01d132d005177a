import Glibc

/// Runs `work` on a thread made for it: a hash of 25 ms would starve the cooperative pool, and a thread costs 30 µs.
func onThread<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        let job = Job { continuation.resume(returning: work()) }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(job)
        let failed = pthread_create(
            &thread, nil,
            { pointer in
                if let pointer { Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        if failed == 0 {
            pthread_detach(thread)
        } else {
            // No thread to be had: late is better than never.
            box.takeRetainedValue().run()
        }
    }
}

private final class Job: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Processors that this process may use.
func processors() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
