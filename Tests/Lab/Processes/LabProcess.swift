public import Foundation
import Glibc
import Synchronization

/// A process that a test started: its output line by line, its end, and nobody else's.
public final class LabProcess: Sendable {
    private struct Ending {
        var status: Int32?
        var outputEnded = false
        var errorsEnded = false
        /// Waiting for the end and for all output.
        var waiters: [CheckedContinuation<Int32, Never>] = []
        /// Waiting for the end only.
        var watchers: [CheckedContinuation<Int32, Never>] = []
    }

    /// Somebody who is written to and has ended fails that write, and not all tests.
    private static let survivesBrokenPipes: Void = { Glibc.signal(SIGPIPE) { _ in } }()

    public let pid: pid_t
    private let output = LineLog()
    private let errors = LineLog()
    private let raw = Mutex(Data())
    private let ending = Mutex(Ending())

    /// - Parameters:
    ///   - command: found in `PATH` by `env`.
    ///   - environment: added to a minimal one; nothing else is inherited.
    ///   - input: written to standard input, which is then closed.
    public init(_ command: [String], environment: [String: String] = [:], input: String = "") throws {
        Self.survivesBrokenPipes
        let standard = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"]
        let spawned = try Spawned(command, environment: standard.merging(environment) { _, given in given })
        pid = spawned.pid
        // A thread for each blocking call: a test may have dozens of processes, and none may wait for another's.
        Thread.detachNewThread { [self] in
            Self.read(spawned.output) { bytes in
                raw.withLock { $0.append(contentsOf: bytes) }
                output.append(bytes)
            }
            output.end()
            finish { $0.outputEnded = true }
        }
        Thread.detachNewThread { [self] in
            Self.read(spawned.errors) { errors.append($0) }
            errors.end()
            finish { $0.errorsEnded = true }
        }
        Thread.detachNewThread { [self] in
            var status: Int32 = 0
            while waitpid(spawned.pid, &status, 0) < 0, errno == EINTR {}
            let ended = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + status & 0x7f
            finish { $0.status = ended }
        }
        if !input.isEmpty {
            try? FileHandle(fileDescriptor: spawned.input).write(contentsOf: Data(input.utf8))
        }
        close(spawned.input)
    }

    private static func read(_ descriptor: Int32, _ take: ([UInt8]) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 { take(Array(buffer[..<count])) }
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        close(descriptor)
    }

    public var outputData: Data { raw.withLock { $0 } }
    public var outputLines: [String] { output.lines }
    public var errorLines: [String] { errors.lines }
    public var errorText: String { errors.lines.joined(separator: "\n") }

    /// Standard output's first matching line from number `start` on.
    public func line(
        from start: Int = 0, within limit: Duration = .seconds(60), where matches: @escaping @Sendable (String) -> Bool
    ) async throws -> String {
        if let line = await output.first(from: start, within: limit, where: matches) { return line }
        throw LabError(
            "no such line within \(limit); the last were:\n\(outputLines.suffix(10).joined(separator: "\n"))")
    }

    /// Standard error's first matching line from number `start` on.
    public func errorLine(
        from start: Int = 0, within limit: Duration = .seconds(60), where matches: @escaping @Sendable (String) -> Bool
    ) async throws -> String {
        if let line = await errors.first(from: start, within: limit, where: matches) { return line }
        throw LabError("no such line within \(limit); the last were:\n\(errorLines.suffix(20).joined(separator: "\n"))")
    }

    public var isRunning: Bool { ending.withLock { $0.status == nil } }

    /// The exit status, 128 + N after signal N, once the process has ended and all it printed has been read.
    public func exit() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status: Int32? = ending.withLock { ending in
                if let status = ending.status, ending.outputEnded, ending.errorsEnded { return status }
                ending.waiters.append(continuation)
                return nil
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Sends a signal, if the process has not ended yet.
    public func signal(_ number: Int32) {
        ending.withLock { if $0.status == nil { kill(pid, number) } }
    }

    /// Sends a signal and waits for the end.
    @discardableResult
    public func stop(_ number: Int32 = SIGTERM) async -> Int32 {
        signal(number)
        let stubborn = Task {
            guard (try? await Task.sleep(for: .seconds(15))) != nil else { return }
            signal(SIGKILL)
        }
        defer { stubborn.cancel() }
        return await ended()
    }

    /// The status once the process itself is gone, even where a child of it still holds its output.
    private func ended() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status: Int32? = ending.withLock { ending in
                if let status = ending.status { return status }
                ending.watchers.append(continuation)
                return nil
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    private func finish(_ change: (inout Ending) -> Void) {
        let (status, waiters) = ending.withLock { ending -> (Int32, [CheckedContinuation<Int32, Never>]) in
            change(&ending)
            guard let status = ending.status else { return (0, []) }
            var resumed = ending.watchers
            ending.watchers = []
            if ending.outputEnded, ending.errorsEnded {
                resumed += ending.waiters
                ending.waiters = []
            }
            return (status, resumed)
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }
}
