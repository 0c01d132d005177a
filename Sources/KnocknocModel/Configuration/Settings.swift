/// Values by key with the place each came from; the first layer that has a key wins.
public struct Settings: Sendable {
    public struct Value: Hashable, Sendable {
        public var text: String
        /// `FILE:LINE`, `environment NAME` or the flag.
        public var place: String

        public init(_ text: String, place: String) {
            self.text = text
            self.place = place
        }
    }

    private var values: [SettingKey: Value] = [:]
    /// What could not be read as a setting; ``SettingsReader`` reports it with what is wrong with the values.
    public private(set) var problems: [ConfigurationError.Problem] = []

    public init() {}

    /// What can be read of a file, and every problem with the rest.
    ///
    /// - Parameter keys: every key that the program knows; another one in the file is a problem.
    public init(reading text: String, name: String, keys: [SettingKey]) {
        let (file, problems) = ConfigurationFile.read(text, name: name)
        self.problems = problems
        take(file, keys)
    }

    /// - Parameter keys: every key that the program knows; another one in the file is an error.
    /// - Throws: ``ConfigurationError`` naming file and line of unknown keys, with the key that was probably meant.
    public init(file: ConfigurationFile, keys: [SettingKey]) throws(ConfigurationError) {
        take(file, keys)
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    private mutating func take(_ file: ConfigurationFile, _ keys: [SettingKey]) {
        for line in file.lines {
            let place = "\(file.name):\(line.line)"
            if let key = keys.first(where: { $0.name == line.key }) {
                values[key] = Value(line.value, place: place)
            } else {
                let hint = NearestName.to(line.key, among: keys.map(\.name))
                problems.append(
                    .init(
                        place: place,
                        message: "unknown key \"\(line.key)\"; "
                            + (hint.map { "did you mean \($0)?" }
                                ?? "expected one of " + keys.map(\.name).sorted().joined(separator: ", "))))
            }
        }
    }

    /// Notes variables that begin with our prefix and name no key: a typo there would go unnoticed otherwise.
    ///
    /// - Parameters:
    ///   - names: all variables of the environment.
    ///   - isForeign: whether a variable belongs to somebody else under our prefix.
    public mutating func refuseUnknown(
        variables names: some Sequence<String>, prefix: String, keys: [SettingKey], isForeign: (String) -> Bool
    ) {
        let known = keys.map { $0.environmentName(prefix: prefix) }
        for name in names.sorted() where name.hasPrefix(prefix + "_") && !known.contains(name) && !isForeign(name) {
            let hint = NearestName.to(name, among: known).map { "did you mean \($0)?" }
            problems.append(
                .init(
                    place: "environment \(name)",
                    message: "unknown variable; "
                        + (hint ?? "expected one of " + known.sorted().joined(separator: ", "))))
        }
    }

    /// Sets a value where no stronger layer has set one before.
    public mutating func setUnlessPresent(_ key: SettingKey, _ value: Value) {
        if values[key] == nil { values[key] = value }
    }

    /// These settings, and those of `weaker` for the keys that are not here.
    public func over(_ weaker: Settings) -> Settings {
        var result = self
        result.values.merge(weaker.values) { mine, _ in mine }
        result.problems += weaker.problems
        return result
    }

    public subscript(key: SettingKey) -> Value? {
        get { values[key] }
        set { values[key] = newValue }
    }
}
