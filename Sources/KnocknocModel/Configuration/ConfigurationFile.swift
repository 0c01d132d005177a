/// The lines `Key = value` of a configuration file, with what is needed to point at each.
public struct ConfigurationFile: Hashable, Sendable {
    public struct Line: Hashable, Sendable {
        public var key: String
        public var value: String
        /// Counted from 1.
        public var line: Int

        public init(key: String, value: String, line: Int) {
            self.key = key
            self.value = value
            self.line = line
        }
    }

    /// As messages name it.
    public let name: String
    public let lines: [Line]

    /// Reads `Key = value` lines; `#` begins a comment at the start of a line or after white space, unless the value
    /// stands in double quotes.
    ///
    /// - Throws: ``ConfigurationError`` naming every line that is none of these and every key that is given twice.
    public init(parsing text: String, name: String) throws(ConfigurationError) {
        let (file, problems) = Self.read(text, name: name)
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        self = file
    }

    /// Reads what can be read, and names every line that cannot.
    public static func read(
        _ text: String, name: String
    ) -> (file: ConfigurationFile, problems: [ConfigurationError.Problem]) {
        var lines: [Line] = []
        var problems: [ConfigurationError.Problem] = []
        var seen: [String: Int] = [:]
        let rows = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (index, row) in rows.enumerated() {
            let number = index + 1
            let content = trim(row)
            if content.isEmpty || content.hasPrefix("#") { continue }
            let problem = { (message: String) in
                problems.append(.init(place: "\(name):\(number)", message: message))
            }
            guard let equals = content.firstIndex(of: "=") else {
                problem("\"\(shortened(content))\" has no \"=\"; expected Key = value")
                continue
            }
            let key = String(trim(content[..<equals]))
            guard isKey(key) else {
                problem("\"\(shortened(key[...]))\" is not a key; expected letters and digits, then = and a value")
                continue
            }
            guard let value = value(trim(content[content.index(after: equals)...])) else {
                problem("\(key): the closing double quote is missing")
                continue
            }
            if let earlier = seen[key] {
                problem("\(key) is given twice; line \(earlier) has it too, expected it once")
                continue
            }
            seen[key] = number
            lines.append(Line(key: key, value: value, line: number))
        }
        return (ConfigurationFile(name: name, lines: lines), problems)
    }

    private init(name: String, lines: [Line]) {
        self.name = name
        self.lines = lines
    }

    private static func isKey(_ text: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
    }

    /// - Returns: nil where a quote is opened and not closed.
    private static func value(_ text: Substring) -> String? {
        if text.first == "\"" {
            let rest = text.dropFirst()
            guard let end = rest.firstIndex(of: "\"") else { return nil }
            let tail = trim(rest[rest.index(after: end)...])
            return tail.isEmpty || tail.hasPrefix("#") ? String(rest[..<end]) : nil
        }
        var previous: Character = " "
        for index in text.indices {
            if text[index] == "#", previous.isWhitespace { return String(trim(text[..<index])) }
            previous = text[index]
        }
        return String(text)
    }

    /// A line without "=" may be a stray secret: a message shows only its beginning.
    private static func shortened(_ text: Substring) -> String {
        text.count > 12 ? text.prefix(12) + "…" : String(text)
    }

    private static func trim(_ text: Substring) -> Substring {
        var rest = text.drop(while: \.isWhitespace)
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest
    }
}
