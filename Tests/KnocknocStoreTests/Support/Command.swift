import Foundation

/// Commands of this machine that the tests need.
enum Command {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Runs a program as the user that Postgres may run as, and returns what it wrote. Waits on a thread of its own:
    /// tasks share as many threads as the machine has cores.
    @discardableResult
    static func run(_ program: String, _ arguments: [String]) async throws -> String {
        try await onThread { try runBlocking(program, arguments) }
    }

    static func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    private static func runBlocking(_ program: String, _ arguments: [String]) throws -> String {
        let process = process(program, arguments)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: read(output.fileHandleForReading), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(program) \(arguments.joined(separator: " ")): \(text)")
        }
        return text
    }

    /// Up to `count` bytes, or all there are. Foundation's own reading ends the process when a signal interrupts it.
    static func read(_ handle: FileHandle, count: Int = .max) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < count {
            let some = Glibc.read(handle.fileDescriptor, &buffer, min(buffer.count, count - bytes.count))
            if some > 0 { bytes += buffer[..<some] }
            guard some > 0 || some < 0 && errno == EINTR else { break }
        }
        return bytes
    }

    static func process(_ program: String, _ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (getuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []) + [program] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        return process
    }
}
