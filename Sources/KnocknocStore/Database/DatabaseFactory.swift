public import Logging

/// Opens the database that a URL names.
public enum DatabaseFactory {
    /// - Parameters:
    ///   - listenURL: a way past a pooler, for Postgres' events only.
    ///   - serverLock: true for a server process, of which SQLite allows one; false for a command beside it.
    ///   - mayCreate: whether a SQLite file that is not there is made.
    ///   - patience: how long Postgres may take for a read or a write in all; a server's where it is nil.
    /// - Throws: ``StoreError`` `configuration`, `missing` or `locked`. A Postgres that is away is no error: it is waited for.
    public static func open(
        url text: String, listenURL: String? = nil, serverLock: Bool, mayCreate: Bool = true,
        patience: Duration? = nil, logger: Logger
    ) throws -> any DatabaseService {
        let url = try DatabaseURL(text)
        switch url.engine {
        case .sqlite:
            if !mayCreate { try SQLiteFile.find(url.location) }
            return try SQLiteDatabase(path: url.location, serverLock: serverLock, logger: logger)
        case .postgres:
            var options = PostgresOptions()
            options.listenURL = listenURL
            if let patience { options.wait(patience) }
            return try PostgresDatabase(url: text, logger: logger, options: options)
        }
    }
}
