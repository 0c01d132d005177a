import Glibc

/// A reader that is gone is an error of the write, and never this process's end. Programs that we start have their default
/// again, since a handler, unlike a signal that is ignored, does not outlive `exec`.
enum BrokenPipe {
    /// Once, for this process's whole life; somebody's own handler stays.
    static let survived: Void = {
        var action = sigaction()
        guard sigaction(SIGPIPE, nil, &action) == 0,
            unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 0
        else { return }
        var deaf = sigaction()
        deaf.__sigaction_handler.sa_handler = { _ in }
        deaf.sa_flags = SA_RESTART
        sigaction(SIGPIPE, &deaf, nil)
    }()
}
