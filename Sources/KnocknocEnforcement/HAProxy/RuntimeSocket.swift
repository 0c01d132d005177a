import Glibc

/// HAProxy's runtime socket (management guide, §9.3). Each exchange is a connection of its own: HAProxy answers a line
/// of commands and closes.
struct RuntimeSocket: Sendable {
    let path: String

    /// For how long nothing may come, in seconds.
    private static let patience = 2
    /// What an answer may take as a whole; one of a hundred thousand lines takes less than a second.
    private static let limit = Duration.seconds(15)
    /// HAProxy reads a line into one buffer, 16 KiB unless it is told otherwise.
    private static let longestLine = 8000

    /// The answers to commands, in order; in as many exchanges as they need.
    ///
    /// - Throws: ``EnforcementError`` where nobody answers; what was sent before may have been done.
    func run(_ commands: [String]) throws(EnforcementError) -> [String] {
        var answers: [String] = []
        var line: [String] = []
        var length = 0
        for command in commands {
            if length + command.utf8.count + 1 > Self.longestLine, !line.isEmpty {
                answers += try exchange(line)
                (line, length) = ([], 0)
            }
            line.append(command)
            length += command.utf8.count + 1
        }
        return line.isEmpty ? answers : answers + (try exchange(line))
    }

    private func exchange(_ commands: [String]) throws(EnforcementError) -> [String] {
        let descriptor = try connected()
        defer { close(descriptor) }
        try send(commands.joined(separator: ";") + "\n", to: descriptor)
        let answers = Self.answers(in: try everything(from: descriptor))
        guard answers.count == commands.count else {
            throw EnforcementError(
                .unavailable, "\(path): \(answers.count) answers to \(commands.count) commands; is it HAProxy's?")
        }
        return answers
    }

    /// Each answer ends with an empty line; one that says nothing is that line alone.
    static func answers(in text: String) -> [String] {
        var answers: [String] = []
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.isEmpty {
                answers.append(lines.joined(separator: "\n"))
                lines = []
            } else {
                lines.append(line)
            }
        }
        return answers
    }

    private func connected() throws(EnforcementError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw EnforcementError(.refused, "\(path): a socket's path has at most 107 bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure() }
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let error = failure()
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private func send(_ text: String, to descriptor: Int32) throws(EnforcementError) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            bytes = bytes.dropFirst(count)
        }
    }

    private func everything(from descriptor: Int32) throws(EnforcementError) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        let end = ContinuousClock.now + Self.limit
        while true {
            guard ContinuousClock.now < end else {
                throw EnforcementError(.unavailable, "\(path): it did not end its answer within \(Self.limit)")
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
            guard bytes.count <= 64 << 20 else {
                throw EnforcementError(.unavailable, "\(path): it answers without end")
            }
        }
    }

    private func failure() -> EnforcementError {
        let reason = errno == EAGAIN ? "no answer within \(Self.patience) s" : systemMessage(errno)
        return EnforcementError(.unavailable, "HAProxy's runtime socket \(path): \(reason)")
    }
}
