public import KnocknocModel
public import KnocknocStore
public import KnocknocSystem

/// Everything that setting up a web node will do, decided and checked, and nothing of it done.
public struct SetupPlan: Sendable {
    public enum Database: Hashable, Sendable {
        /// The Postgres of this machine, installed where it is missing.
        case local
        /// An empty database elsewhere, in which the schema is made.
        case new(DatabaseURL)
        /// The database of a site that runs.
        case existing(DatabaseURL)
        /// SQLite in the data folder.
        case embedded
        /// What the configuration has.
        case unchanged(DatabaseURL)
    }

    public enum Key: Hashable, Sendable {
        /// The file that is there, or a new key in a new one.
        case keepOrMake
        case use(EncryptionKey)
        /// The site has none, and gets none.
        case none
        /// `EncryptionKey = none`.
        case unwrapped
    }

    /// One line of the configuration; nil takes it away.
    public struct Setting: Hashable, Sendable {
        public var key: String
        public var value: String?

        public init(_ key: String, _ value: String?) {
            self.key = key
            self.value = value
        }
    }

    public var listen: ListenAddress
    public var database: Database
    public var key: Key
    /// All that changes but DatabaseURL and EncryptionKey.
    public var settings: [Setting]
    /// Whether a schema that is there may be brought to this release's.
    public var mayMigrate: Bool

    public init(listen: ListenAddress, database: Database, key: Key, settings: [Setting], mayMigrate: Bool) {
        self.listen = listen
        self.database = database
        self.key = key
        self.settings = settings
        self.mayMigrate = mayMigrate
    }

    static let header = """
        # Knocknoc's server. docs/configuration.md has every key; what you write here yourself stays.

        """

    /// The configuration's text with this plan's settings in it.
    ///
    /// - Parameters:
    ///   - old: nil where there is no file.
    ///   - databaseURL: without key.
    public func configuration(from old: String?, databaseURL: String) throws(SystemError) -> String {
        var text = ConfigurationText(old ?? Self.header)
        for setting in settings { try text.set(setting.key, setting.value) }
        try text.set("DatabaseURL", databaseURL)
        switch key {
        case .unwrapped: try text.set("EncryptionKey", "none")
        // A line in the file would win over the key's own file.
        case .use: try text.set("EncryptionKey", nil)
        case .keepOrMake, .none: break
        }
        return text.text
    }

    /// The same without passwords and keys, to be shown.
    public static func redacted(_ configuration: String) -> String {
        var text = ConfigurationText(configuration)
        for key in ["DatabaseURL", "ListenURL"] {
            if let value = text[key] { try? text.set(key, (try? DatabaseURL(value))?.description ?? "***") }
        }
        guard let key = text["EncryptionKey"], key == "none" else { return Redaction.of(text.text) }
        // What is written there is a choice, and no secret.
        return Redaction.of(text.text).replacing("EncryptionKey = ***", with: "EncryptionKey = none")
    }
}
