import KnocknocModel

/// A configuration file as somebody wrote it: values change in their lines; comments, order and keys that we do not know
/// stay.
public struct ConfigurationText: Hashable, Sendable {
    public private(set) var text: String

    public init(_ text: String) { self.text = text }

    /// The value of a key; nil where the file has no such line.
    public subscript(key: String) -> String? {
        ConfigurationFile.read(text, name: "").file.lines.first { $0.key == key }?.value
    }

    /// Puts a value in the key's line: the one that has it, else below the one that has it as a comment (`#Key = …`),
    /// else at the end. nil takes the line away.
    ///
    /// - Throws: ``SystemError`` `invalid` where no line can hold the value.
    public mutating func set(_ key: String, _ value: String?) throws(SystemError) {
        guard self[key] != value else { return }
        var rows = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if rows.last?.isEmpty == true { rows.removeLast() }
        let index = ConfigurationFile.read(text, name: "").file.lines.first { $0.key == key }?.line
        guard let value else {
            if let index { rows.remove(at: index - 1) }
            text = rows.map { $0 + "\n" }.joined()
            return
        }
        let line = "\(key) = \(try Self.quoted(value, key))"
        if let index {
            rows[index - 1] = line
        } else if let comment = rows.lastIndex(where: { Self.mentions(key, $0) }) {
            rows.insert(line, at: comment + 1)
        } else {
            rows.append(line)
        }
        text = rows.map { $0 + "\n" }.joined()
    }

    private static func mentions(_ key: String, _ row: String) -> Bool {
        let content = row.drop { $0.isWhitespace }
        guard content.hasPrefix("#") else { return false }
        let rest = content.drop { $0 == "#" || $0.isWhitespace }
        return rest.hasPrefix(key) && rest.dropFirst(key.count).drop { $0.isWhitespace }.hasPrefix("=")
    }

    private static func quoted(_ value: String, _ key: String) throws(SystemError) -> String {
        let isPlain =
            value.first != "\"" && value.first?.isWhitespace != true && value.last?.isWhitespace != true
            && !value.contains("#")
        if isPlain, !value.contains(where: \.isNewline) { return value }
        guard !value.contains("\""), !value.contains(where: \.isNewline) else {
            throw SystemError(
                .invalid, "\(key): a value with quotes or line feeds cannot stand in a configuration file")
        }
        return "\"\(value)\""
    }
}
