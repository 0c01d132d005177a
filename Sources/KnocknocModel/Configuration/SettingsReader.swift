/// Reads settings into typed values and collects what is wrong, so that all of it is reported at once.
public struct SettingsReader {
    private let settings: Settings
    public private(set) var problems: [ConfigurationError.Problem] = []

    public init(_ settings: Settings) {
        self.settings = settings
        problems = settings.problems
    }

    /// The text of a key; an empty one counts as not given.
    public func text(_ key: SettingKey) -> String? {
        settings[key].flatMap { $0.text.isEmpty ? nil : $0.text }
    }

    /// Whether the key was given on the command line.
    public func isFlag(_ key: SettingKey) -> Bool { settings[key]?.place == key.flag }

    /// A value as `parse` reads it.
    ///
    /// - Parameter expected: completes "expected ..." in the message when `parse` returns nil.
    public mutating func value<Value>(
        _ key: SettingKey, expected: String, secret: Bool = false, _ parse: (String) -> Value?
    ) -> Value? {
        guard let text = text(key) else { return nil }
        if let value = parse(text) { return value }
        let shown = secret ? "the value" : "\"\(text)\""
        refuse(key, "\(key.name): \(shown) cannot be used; expected \(expected)")
        return nil
    }

    public mutating func flag(_ key: SettingKey, default standard: Bool) -> Bool {
        value(key, expected: "true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        } ?? standard
    }

    /// Values separated by commas, each as `parse` reads it. Of a network with host bits set it says which one it seems
    /// to mean.
    public mutating func list<Value>(
        _ key: SettingKey, expected: String, _ parse: (String) -> Value?
    ) -> [Value] {
        var result: [Value] = []
        for part in (text(key) ?? "").split(separator: ",") {
            let item = part.drop(while: \.isWhitespace)
            let trimmed = String(item.reversed().drop(while: \.isWhitespace).reversed())
            if trimmed.isEmpty { continue }
            if let value = parse(trimmed) {
                result.append(value)
            } else {
                let meant = Value.self == CIDR.self ? CIDR.meant(by: trimmed) : nil
                refuse(
                    key,
                    "\(key.name): "
                        + (meant.map { "\"\(trimmed)\" has host bits set; did you mean \($0)?" }
                            ?? "\"\(trimmed)\" cannot be used; expected \(expected)"))
            }
        }
        return result
    }

    /// Records a problem at the place where the key was given.
    public mutating func refuse(_ key: SettingKey, _ message: String) {
        problems.append(.init(place: settings[key]?.place ?? "", message: message))
    }

    /// - Throws: ``ConfigurationError`` with everything that is wrong, by place, a file's lines in their order.
    public func finish() throws(ConfigurationError) {
        guard problems.isEmpty else { throw ConfigurationError(problems.sorted { $0.order < $1.order }) }
    }
}

extension ConfigurationError.Problem {
    /// Flags first, then the environment, then files by line.
    fileprivate var order: (Int, String, Int) {
        let parts = place.split(separator: ":")
        if let last = parts.last, parts.count > 1, let line = Int(last) {
            return (2, String(place.dropLast(last.count)), line)
        }
        return (place.hasPrefix("environment") ? 1 : 0, place, 0)
    }
}
