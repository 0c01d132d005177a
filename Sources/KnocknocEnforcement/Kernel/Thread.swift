import Glibc
import NIOConcurrencyHelpers

/// Starts a detached thread, in a network namespace of its own choice where `namespace` is a path.
///
/// - Throws: ``EnforcementError`` where the thread or the namespace is not to be had; `body` has then not run.
func startThread(
    _ name: String, networkNamespace: String?, _ body: @escaping @Sendable () -> Void
) throws(EnforcementError) {
    let start = ThreadStart(namespace: networkNamespace, body: body)
    var thread = pthread_t()
    let raw = Unmanaged.passRetained(start)
    let result = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }, raw.toOpaque())
    guard result == 0 else {
        raw.release()
        throw EnforcementError(.unavailable, "a thread for \(name): \(systemMessage(result))")
    }
    pthread_detach(thread)
    try start.wait()
}

private final class ThreadStart: Sendable {
    private let namespace: String?
    private let body: @Sendable () -> Void
    private let started = ConditionLock(value: 0)
    private let failure = NIOLockedValueBox<EnforcementError?>(nil)

    init(namespace: String?, body: @escaping @Sendable () -> Void) {
        self.namespace = namespace
        self.body = body
    }

    func run() {
        do throws(EnforcementError) {
            if let namespace { try NetworkNamespace.enter(namespace) }
        } catch {
            failure.withLockedValue { $0 = error }
        }
        started.lock()
        started.unlock(withValue: 1)
        if failure.withLockedValue({ $0 }) == nil { body() }
    }

    func wait() throws(EnforcementError) {
        started.lock(whenValue: 1)
        started.unlock()
        if let error = failure.withLockedValue({ $0 }) { throw error }
    }
}
