import Foundation
import KnocknocSystem

/// A shell, run as the user that Postgres may run as, that does one order for each line it reads and then says `done`;
/// it cleans up at end of file: when this process ends in whatever way.
final class Lifeline: Sendable {
    private let input: FileHandle
    private let answers: FileHandle

    /// - Parameters:
    ///   - order: shell commands that do the order whose words are `$1`, `$2`, …
    ///   - end: shell commands that clean up.
    init(order: String, end: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = """
            order() {
            \(order)
            }
            trap '' INT TERM
            while read -r line; do
                if order $line; then echo done; else echo fail; fi
            done
            \(end)
            """
        process.arguments = ClusterUser.prefix + ["bash", "-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.input = input.fileHandleForWriting
        answers = output.fileHandleForReading
    }

    func order(_ line: String) async throws {
        try input.write(contentsOf: Data((line + "\n").utf8))
        let answers = answers
        let answer: String = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var bytes: [UInt8] = []
                var byte: UInt8 = 0
                while read(answers.fileDescriptor, &byte, 1) == 1, byte != 10 { bytes.append(byte) }
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
        guard answer == "done" else { throw SystemError(.failed, "\"\(line)\": \(answer)") }
    }
}

/// Whom Postgres runs as here: it refuses to be root.
enum ClusterUser {
    static let prefix = getuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []

    @discardableResult
    static func run(_ arguments: [String], input: String = "") async throws -> String {
        try await Command.check(arguments.first ?? "", prefix + arguments, input: input, environment: ["HOME": "/tmp"])
    }

    /// A folder of a random name that is this user's.
    static func folder(_ name: String) async throws -> String {
        try await run(["mktemp", "-d", "/var/tmp/knocknoc-\(name)-XXXXXX"])
    }
}

/// Ports that nobody listened on a moment ago.
enum FreePort {
    static func find() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
                    ? Int(UInt16(bigEndian: pointer.pointee.sin_port)) : 0
            }
        }
        guard port != 0 else { throw SystemError(.failed, "no loopback port: errno \(errno)") }
        return port
    }
}
