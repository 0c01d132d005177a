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

    public func tell(_ line: String) { _ = Self.write(line + "\n", to: STDOUT_FILENO) }

    public func note(_ line: String) { _ = Self.write(line + "\n", to: STDERR_FILENO) }

    /// Lines of the result that are shown this once.
    ///
    /// - Returns: whether all of it was taken; a terminal may be gone.
    public func tell(once lines: [String]) -> Bool {
        Self.write(lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
    }

    static func write(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return false }
            bytes = bytes.dropFirst(max(0, count))
        }
        return true
    }
}
