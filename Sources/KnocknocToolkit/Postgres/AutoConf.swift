/// The text of postgresql.auto.conf, which only ALTER SYSTEM writes: lines `name = 'value'`.
struct AutoConf: Hashable, Sendable {
    private(set) var lines: [String]

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
    }

    var text: String { lines.map { $0 + "\n" }.joined() }

    subscript(name: String) -> String? {
        get {
            guard let line = lines.last(where: { Self.name(of: $0) == name }),
                let first = line.firstIndex(of: "'"), let last = line.lastIndex(of: "'"), first < last
            else { return nil }
            return String(line[line.index(after: first)..<last]).replacing("''", with: "'")
        }
        set {
            let line = newValue.map { "\(name) = '\($0.replacing("'", with: "''"))'" }
            guard let index = lines.indices.last(where: { Self.name(of: lines[$0]) == name }) else {
                if let line { lines.append(line) }
                return
            }
            if let line { lines[index] = line } else { lines.remove(at: index) }
        }
    }

    private static func name(of line: String) -> String? {
        guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { return nil }
        return String(line[..<equals].filter { $0 != " " })
    }
}
