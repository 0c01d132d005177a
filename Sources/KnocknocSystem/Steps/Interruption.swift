import Glibc
import Synchronization

/// SIGINT, SIGTERM and SIGHUP while a command works on this machine: nothing is left half done. The first of them stops
/// the work at its next safe point, from where it is undone; before any work has begun it ends the process at once, with
/// the terminal as it was.
public enum Interruption {
    private struct State {
        var signal: Int32?
        /// How many pieces of work, one within the other, are under way.
        var depth = 0
        /// Programs that are told too, by number.
        var programs: [Int: @Sendable () -> Void] = [:]
        var next = 0
        /// How the terminal was before what is typed was hidden.
        var terminal: termios?
    }

    private static let state = Mutex(State())
    /// Where the handler says which signal has come.
    private static let pipe = Atomic<Int32>(-1)
    /// While something is undone, which goes to its end.
    @TaskLocal private static var isHeld = false

    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Takes the signals over, for this process's whole life; what is ignored already, as under nohup, stays ignored.
    public static func watch() {
        var ends: [Int32] = [-1, -1]
        guard pipe.load(ordering: .acquiring) < 0, Glibc.pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reading = ends[0]
        pipe.store(ends[1], ordering: .releasing)
        for number in signals + [SIGQUIT] {
            var action = sigaction()
            guard sigaction(number, nil, &action) == 0, isDefault(action) else { continue }
            action.__sigaction_handler.sa_handler = { number in
                let before = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = Glibc.write(Interruption.pipe.load(ordering: .relaxed), &byte, 1)
                errno = before
            }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
        // A terminal or a pipe that is gone must not end an undoing.
        BrokenPipe.survived
        var thread = pthread_t()
        let start = pthread_create(
            &thread, nil,
            { argument in
                Interruption.read(Int32(Int(bitPattern: argument)))
                return nil
            }, UnsafeMutableRawPointer(bitPattern: Int(reading)))
        if start == 0 { pthread_detach(thread) }
    }

    private static func isDefault(_ action: sigaction) -> Bool {
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 0
    }

    private static func read(_ descriptor: Int32) {
        var byte: UInt8 = 0
        while true {
            let count = Glibc.read(descriptor, &byte, 1)
            if count == 1 { take(Int32(byte)) }
            if count == 0 || (count < 0 && errno != EINTR) { return }
        }
    }

    private static func take(_ signal: Int32) {
        let (programs, isFirst) = state.withLock { state in
            guard state.depth > 0, signal != SIGQUIT else {
                if var terminal = state.terminal { tcsetattr(STDIN_FILENO, TCSANOW, &terminal) }
                // Inside the lock, so that no work begins meanwhile.
                Glibc.signal(signal, SIG_DFL)
                kill(getpid(), signal)
                return ([@Sendable () -> Void](), false)
            }
            let isFirst = state.signal == nil
            if isFirst { state.signal = signal }
            return (isFirst ? Array(state.programs.values) : [], isFirst)
        }
        let console = StandardConsole()
        console.note(
            isFirst
                ? "\(name(signal)): stopping at the next safe point; what was begun is undone"
                : "\(name(signal)): already stopping; it takes a moment more")
        for program in programs { program() }
    }

    /// Runs work that is not to be left half done.
    public static func guarded<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        state.withLock { $0.depth += 1 }
        defer { state.withLock { $0.depth -= 1 } }
        return try await body()
    }

    /// Runs what has to come to its end, such as an undoing: no signal stops it.
    public static func held<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        try await $isHeld.withValue(true) { try await body() }
    }

    /// A safe point: here the work may stop.
    ///
    /// - Throws: ``SystemError`` of the code `interrupted` where a signal has come.
    public static func check() throws(SystemError) {
        if let error = pending { throw error }
    }

    /// What stops the work; nil where nothing does, and while it is held.
    static var pending: SystemError? {
        guard !isHeld, let signal = state.withLock({ $0.signal }) else { return nil }
        return SystemError(.interrupted(by: signal), "stopped by \(name(signal))")
    }

    /// Runs a program that is told when a signal comes.
    static func telling<Result: Sendable>(
        _ program: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard !isHeld else { return try await program() }
        try check()
        let task = Task { try await program() }
        let (number, isLate) = state.withLock { state in
            state.next += 1
            state.programs[state.next] = { task.cancel() }
            return (state.next, state.signal != nil)
        }
        if isLate { task.cancel() }
        defer { state.withLock { $0.programs[number] = nil } }
        let result = await task.result
        // What was told to stop has done a part, or all: nobody can say.
        try check()
        return try result.get()
    }

    /// Remembers how the terminal is, for a signal that comes while what is typed does not show; nil forgets it.
    static func keep(_ terminal: termios?) { state.withLock { $0.terminal = terminal } }

    private static func name(_ signal: Int32) -> String {
        switch signal {
        case SIGINT: "SIGINT (Ctrl-C)"
        case SIGTERM: "SIGTERM"
        case SIGHUP: "SIGHUP"
        default: "signal \(signal)"
        }
    }
}
