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

    /// A port that nobody listened on a moment ago.
    static func freePort() throws -> Int {
        let (socket, port) = try listen(backlog: 0)
        close(socket)
        return port
    }

    /// A socket on loopback that is bound and listens.
    static func listen(backlog: Int32) throws -> (socket: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(descriptor, generic, length) == 0, Glibc.listen(descriptor, backlog) == 0,
                    getsockname(descriptor, generic, &length) == 0
                else { return 0 }
                return Int(UInt16(bigEndian: pointer.pointee.sin_port))
            }
        }
        guard port != 0 else { throw Failure(description: "no loopback port: errno \(errno)") }
        return (descriptor, port)
    }
}
