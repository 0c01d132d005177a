/// Which names people, groups, Knocs and agents may have, and when two are the same.
public enum NameRule {
    public static let maximum = 64

    /// The name without space at its ends.
    ///
    /// - Throws: ``ModelError`` naming what is wrong.
    public static func checked(_ name: String, what: String) throws(ModelError) -> String {
        var text = Substring(name)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        guard !text.isEmpty else { throw ModelError(.invalidName, "\(what) needs a name") }
        guard text.count <= maximum, text.utf8.count <= 4 * maximum else {
            throw ModelError(.invalidName, "the name of \(what) has at most \(maximum) characters")
        }
        let unprintable = text.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
            default: false
            }
        }
        guard !unprintable else {
            throw ModelError(.invalidName, "the name of \(what) has a character that cannot be seen")
        }
        return String(text)
    }

    /// Two names with the same key are one name.
    public static func key(_ name: String) -> String { name.lowercased() }
}
