/// One running server process, as the database knows it.
public struct WebNode: Hashable, Sendable {
    /// Made anew for each process.
    public let id: String
    public let name: String
    /// The release's name.
    public let version: String
    /// The newest migration that it knows.
    public let release: Int
    /// What its settings call the part of the network that it is in.
    public let zone: String?
    /// Where agents reach it; nil where its configuration does not say so.
    public let agentURL: String?

    public init(
        id: String, name: String, version: String, release: Int, zone: String? = nil, agentURL: String? = nil
    ) {
        self.id = id
        self.name = name
        self.version = version
        self.release = release
        self.agentURL = agentURL
        self.zone = zone
    }

    /// This process.
    ///
    /// - Throws: ``StoreError`` `configuration` where the migrations compiled in do not fit together.
    public init(
        name: String, version: String, engine: Engine, zone: String? = nil, agentURL: String? = nil
    ) throws(StoreError) {
        var generator = SystemRandomNumberGenerator()
        self.init(
            id: String(generator.next(), radix: 36) + String(generator.next(), radix: 36), name: name,
            version: version, release: try Migration.embedded(for: engine).last?.version ?? 0, zone: zone,
            agentURL: agentURL)
    }
}
