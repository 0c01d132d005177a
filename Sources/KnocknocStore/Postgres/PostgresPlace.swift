/// One place where a Postgres URL says that its database is, read with libpq's own parser and defaults.
public struct PostgresPlace: Hashable, Sendable {
    /// A name, an address or the folder of a Unix socket; nil where the URL names none, which is the local socket.
    public var host: String?
    public var port: Int
    /// nil: the one that has the login's name.
    public var database: String?
    /// nil: the one that has the name of the process's user.
    public var user: String?

    /// Whether it is reached without a network.
    public var isSocket: Bool { host.map { $0.hasPrefix("/") || $0.hasPrefix("@") } ?? true }
}

extension DatabaseURL {
    /// The hosts of a Postgres URL in its order; none for SQLite.
    ///
    /// - Parameter setting: where the URL comes from, for messages.
    /// - Throws: ``StoreError`` `configuration` with libpq's own words.
    public func places(setting: String = "DatabaseURL") throws(StoreError) -> [PostgresPlace] {
        guard engine == .postgres else { return [] }
        return try PostgresTarget.parse(location, setting: setting).map { target in
            PostgresPlace(
                host: target.address ?? target.host, port: target.port.flatMap { Int($0) } ?? 5432,
                database: target.parameters["dbname"].flatMap { $0.isEmpty ? nil : $0 },
                user: target.parameters["user"].flatMap { $0.isEmpty ? nil : $0 })
        }
    }
}
