/// The last lines of a log.
struct KeptLines {
    /// How many; 0 keeps none.
    var limit = 0
    private var lines: [String] = []
    /// Where the oldest stands once there are as many as are kept.
    private var oldest = 0

    /// Bytes of one line.
    static let longest = 500

    mutating func add(_ line: String) {
        guard limit > 0 else { return }
        var line = line
        if line.utf8.count > Self.longest {
            line = String(decoding: line.utf8.prefix(Self.longest), as: UTF8.self) + "…"
        }
        if lines.count < limit {
            lines.append(line)
        } else {
            lines[oldest] = line
            oldest = (oldest + 1) % limit
        }
    }

    func last(_ count: Int) -> [String] { (lines[oldest...] + lines[..<oldest]).suffix(max(0, count)) }
}
