import Foundation
import Glibc
import Synchronization

/// A program on a terminal, driven as somebody in front of it does: by what it shows, and by typing.
public final class Terminal: Sendable {
    private struct Waiter {
        var text: [UInt8]
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        /// What was shown, without colours and cursor movements.
        var shown: [UInt8] = []
        /// How much of it has been answered to.
        var position = 0
        var escape = EscapeSequence.none
        var ended = false
        var status: Int32?
        var waiter: Waiter?
        var exits: [CheckedContinuation<Int32?, Never>] = []
    }

    /// How far into a sequence that only moves the cursor or colours the text.
    private enum EscapeSequence { case none, begun, control, title, charset }

    private let state = Mutex(State())
    private let keyboard: Int32
    private let screen: Int32
    private let pid: Int32

    /// - Parameter command: gives what it runs a terminal, as script(1) does, and passes on what is typed and shown.
    init(_ command: [String]) throws {
        let standard = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "TERM": "xterm"]
        let spawned = try Spawned(command, environment: standard)
        (pid, keyboard, screen) = (spawned.pid, spawned.input, spawned.output)
        close(spawned.errors)
        Thread.detachNewThread { [self] in read() }
        Thread.detachNewThread { [self] in wait() }
    }

    deinit { close(keyboard) }

    /// Everything shown so far.
    public var transcript: String { state.withLock { String(decoding: $0.shown, as: UTF8.self) } }

    /// Waits until `text` is shown, after what the last call waited for.
    ///
    /// - Returns: what was shown before it.
    @discardableResult
    public func expect(_ text: String, within limit: Duration = .seconds(30)) async throws -> String {
        let wanted = Array(text.utf8)
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            take { $0.waiter = nil }
        }
        defer { timer.cancel() }
        _ = await withCheckedContinuation { continuation in
            let now = state.withLock { state in
                if state.ended || Self.end(of: wanted, in: state) != nil { return true }
                state.waiter = Waiter(text: wanted, continuation: continuation)
                return false
            }
            if now { continuation.resume(returning: true) }
        }
        let before: String? = state.withLock { state in
            guard let end = Self.end(of: wanted, in: state) else { return nil }
            defer { state.position = end }
            return String(decoding: state.shown[state.position..<(end - wanted.count)], as: UTF8.self)
        }
        guard let before else {
            throw LabError("\"\(text)\" was not shown within \(limit); the terminal shows:\n\(transcript.suffix(4000))")
        }
        return before
    }

    /// Types a line, and Enter.
    public func type(_ line: String) { press(line + "\r") }

    /// Presses keys; `\u{3}` is Ctrl-C.
    public func press(_ keys: String) {
        var bytes = Array(keys.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(keyboard, $0.baseAddress, $0.count) }
            if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { return }
        }
    }

    /// The exit status, once the program has ended; 128 + N after signal N.
    public func exit(within limit: Duration = .seconds(60)) async throws -> Int32 {
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            var exits: [CheckedContinuation<Int32?, Never>] = []
            state.withLock { swap(&exits, &$0.exits) }
            for exit in exits { exit.resume(returning: nil) }
        }
        defer { timer.cancel() }
        let status: Int32? = await withCheckedContinuation { continuation in
            let status: Int32? = state.withLock { state in
                if let status = state.status, state.ended { return status }
                state.exits.append(continuation)
                return nil
            }
            if let status { continuation.resume(returning: status) }
        }
        guard let status else {
            throw LabError("no end within \(limit); the terminal shows:\n\(transcript.suffix(4000))")
        }
        return status
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = Glibc.read(screen, &buffer, buffer.count)
            if count > 0 {
                take { state in for byte in buffer[..<count] { Self.show(byte, &state) } }
            } else if count == 0 || errno != EINTR {
                close(screen)
                return take { $0.ended = true }
            }
        }
    }

    private func wait() {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        take { $0.status = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + status & 0x7f }
    }

    /// Changes the state, and wakes whom that concerns.
    private func take(_ change: (inout State) -> Void) {
        let (waiter, exits, status) = state.withLock { state in
            let before = state.waiter
            change(&state)
            var woken: Waiter?
            if let before, state.waiter == nil || state.ended || Self.end(of: before.text, in: state) != nil {
                (woken, state.waiter) = (before, nil)
            }
            var exits: [CheckedContinuation<Int32?, Never>] = []
            if state.ended, state.status != nil { swap(&exits, &state.exits) }
            return (woken, exits, state.status ?? 0)
        }
        waiter?.continuation.resume(returning: true)
        for exit in exits { exit.resume(returning: status) }
    }

    private static func end(of text: [UInt8], in state: State) -> Int? {
        guard !text.isEmpty, state.shown.count - state.position >= text.count else { return nil }
        for start in state.position...(state.shown.count - text.count)
        where state.shown[start] == text[0] && state.shown[start..<(start + text.count)].elementsEqual(text) {
            return start + text.count
        }
        return nil
    }

    private static func show(_ byte: UInt8, _ state: inout State) {
        switch (state.escape, byte) {
        case (.none, 0x1b): state.escape = .begun
        case (.none, 0x0d), (.none, 0x07): break
        case (.none, _): state.shown.append(byte)
        case (.begun, UInt8(ascii: "[")): state.escape = .control
        case (.begun, UInt8(ascii: "]")): state.escape = .title
        case (.begun, UInt8(ascii: "(")), (.begun, UInt8(ascii: ")")): state.escape = .charset
        case (.begun, _), (.charset, _): state.escape = .none
        case (.control, 0x40...0x7e): state.escape = .none
        case (.title, 0x07), (.title, UInt8(ascii: "\\")): state.escape = .none
        case (.control, _), (.title, _): break
        }
    }
}
