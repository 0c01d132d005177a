import KnocknocSystem

/// The lines that a part of ours in haproxy.cfg stands between; what they begin with is what finds it again.
public struct HAProxyMarks: Hashable, Sendable {
    public let begin: String
    public let end: String
    /// How to begin anew, as in "use --init".
    let remedy: String

    public init(begin: String, end: String, remedy: String) {
        self.begin = begin
        self.end = end
        self.remedy = remedy
    }

    func wrong(_ path: String, _ line: Int, _ what: String) -> SystemError {
        SystemError(
            .invalid,
            "\(path):\(line): \(what); expected one pair of \"\(begin)\" and \"\(end)\". "
                + "Nothing is changed: put the marks right, or delete all of that part and \(remedy)")
    }
}
