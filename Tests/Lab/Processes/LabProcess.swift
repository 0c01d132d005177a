public import Foundation
import Synchronization

/// A process that a test started: its output line by line, its end, and nobody else's.
public final class LabProcess: Sendable {
    private struct Ending {
        var status: Int32?
        var outputEnded = false
        var errorsEnded = false
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

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
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"]
            .merging(environment) { _, given in given }
        let (input_, output_, errors_) = (Pipe(), Pipe(), Pipe())
        process.standardInput = input_
        process.standardOutput = output_
        process.standardError = errors_
        let relay = Relay()
        process.terminationHandler = { relay.end($0.terminationReason == .exit ? $0.terminationStatus : 128 + $0.terminationStatus) }
        try process.run()
        pid = process.processIdentifier
        output_.fileHandleForReading.readabilityHandler = { [self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                output.end()
                finish { $0.outputEnded = true }
            } else {
                raw.withLock { $0.append(data) }
                output.append(data)
            }
        }
        errors_.fileHandleForReading.readabilityHandler = { [self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                errors.end()
                finish { $0.errorsEnded = true }
            } else {
                errors.append(data)
            }
        }
        relay.whenEnded { [self] status in finish { $0.status = status } }
        if !input.isEmpty { try? input_.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try? input_.fileHandleForWriting.close()
    }

    public var outputData: Data { raw.withLock { $0 } }
    public var outputLines: [String] { output.lines }
    public var errorLines: [String] { errors.lines }
    public var errorText: String { errors.lines.joined(separator: "\n") }

    /// Standard output's first matching line from number `start` on.
    public func line(
        from start: Int = 0, within limit: Duration = .seconds(10), where matches: @escaping @Sendable (String) -> Bool
    ) async throws -> String {
        if let line = await output.first(from: start, within: limit, where: matches) { return line }
        throw LabError("no such line within \(limit); the last were:\n\(outputLines.suffix(10).joined(separator: "\n"))")
    }

    /// Standard error's first matching line from number `start` on.
    public func errorLine(
        from start: Int = 0, within limit: Duration = .seconds(10), where matches: @escaping @Sendable (String) -> Bool
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
        while true {
            if let status = ending.withLock({ $0.status }) { return status }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    private func finish(_ change: (inout Ending) -> Void) {
        let (status, waiters) = ending.withLock { ending -> (Int32, [CheckedContinuation<Int32, Never>]) in
            change(&ending)
            guard let status = ending.status, ending.outputEnded, ending.errorsEnded else { return (0, []) }
            defer { ending.waiters = [] }
            return (status, ending.waiters)
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }
}

/// Passes on the status of a process that may end before anybody listens.
private final class Relay: Sendable {
    private let state = Mutex<(status: Int32?, listener: (@Sendable (Int32) -> Void)?)>((nil, nil))

    func end(_ status: Int32) {
        let listener = state.withLock { state in
            state.status = status
            return state.listener
        }
        listener?(status)
    }

    func whenEnded(_ listener: @escaping @Sendable (Int32) -> Void) {
        let status = state.withLock { state in
            state.listener = listener
            return state.status
        }
        if let status { listener(status) }
    }
}
