import KnocknocAccess
import KnocknocIdentity
import KnocknocServer
import KnocknocStore
import Logging

/// A short piece of work on the site's database, beside the server.
enum SiteAccess {
    static func with(_ options: DatabaseOptions, _ work: (Access) async throws -> Void) async throws {
        let settings = try options.settings()
        try PeerIdentity.take(for: settings.databaseURL)
        let logger = Logs.start(max(settings.logLevel, .warning))
        let database = try DatabaseFactory.open(
            url: settings.databaseURL, serverLock: false, mayCreate: false, patience: .seconds(15), logger: logger)
        try await Migrator(database, logger: logger).migrate()
        let access = Access(
            database: database, hasher: PasswordHasher(slots: 1), node: settings.nodeName, logger: logger)
        // Carries what is announced to the web nodes while the work goes on; they see it within a second without.
        let telling = Task { try await database.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await work(access)) } catch { result = .failure(error) }
        telling.cancel()
        await database.close()
        try result.get()
    }
}
