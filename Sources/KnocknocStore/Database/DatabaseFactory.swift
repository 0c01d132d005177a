public import Logging

/// Opens the database that a URL names.
public enum DatabaseFactory {
    /// - Parameter serverLock: true for a server process, of which SQLite allows one; false for a command beside it.
    /// - Throws: ``StoreError`` `configuration` or `locked`. A Postgres that is away is no error: it is waited for.
    public static func open(url text: String, serverLock: Bool, logger: Logger) throws -> any DatabaseService {
        let url = try DatabaseURL(text)
        switch url.engine {
        case .sqlite: return try SQLiteDatabase(path: url.location, serverLock: serverLock, logger: logger)
        case .postgres: return try PostgresDatabase(url: text, logger: logger)
        }
    }
}
