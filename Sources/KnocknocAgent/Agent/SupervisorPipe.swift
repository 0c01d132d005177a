import Dispatch
import Glibc

/// Ends when standard input ends: a supervised agent does not outlive the process that started it.
public enum SupervisorPipe {
    /// Returns at the pipe's end, or when the task is cancelled.
    public static func ended() async {
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO)
        source.setEventHandler {
            var buffer: (UInt64, UInt64) = (0, 0)
            let count = read(STDIN_FILENO, &buffer, 16)
            if count == 0 || count < 0 && errno != EINTR && errno != EAGAIN { continuation.finish() }
        }
        source.activate()
        for await _ in ends {}
        source.cancel()
    }
}
