import NIOConcurrencyHelpers

/// The thread that one actor runs on: its calls into the kernel block, which tasks must not, and a network namespace
/// belongs to a thread.
final class KernelThread: SerialExecutor {
    private let condition = ConditionLock(value: 0)
    private let state = NIOLockedValueBox(State())

    private struct State {
        var jobs: [UnownedJob] = []
        var stopping = false
    }

    init(_ name: String, networkNamespace: String?) throws(EnforcementError) {
        try startThread(name, networkNamespace: networkNamespace) { [self] in run() }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        condition.lock()
        state.withLockedValue { $0.jobs.append(unowned) }
        condition.unlock(withValue: 1)
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Ends the thread after the work it has; whoever owns the actor calls it last.
    func stop() {
        condition.lock()
        state.withLockedValue { $0.stopping = true }
        condition.unlock(withValue: 1)
    }

    private func run() {
        while true {
            condition.lock(whenValue: 1)
            let (jobs, stopping) = state.withLockedValue { state in
                defer { state.jobs = [] }
                return (state.jobs, state.stopping)
            }
            condition.unlock(withValue: 0)
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            if stopping { return }
        }
    }
}
