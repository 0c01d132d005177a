import Glibc

/// What a command says while it works: results on standard output, everything else on standard error.
public protocol Console: Sendable {
    /// A line of the command's result.
    func tell(_ line: String)
    /// A line about the work: what is being done, or went wrong.
    func note(_ line: String)
}

/// This process's own standard output and standard error.
public struct StandardConsole: Console {
    public init() {}

    public func tell(_ line: String) { Self.write(line, to: STDOUT_FILENO) }

    public func note(_ line: String) { Self.write(line, to: STDERR_FILENO) }

    private static func write(_ line: String, to descriptor: Int32) {
        var bytes = Array((line + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }
}
