import ArgumentParser
import KnocknocServer
import KnocknocStore
import Logging

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Brings the database's schema to this release's.")

    @Flag(help: "Only says what is applied and what is pending.") var status = false
    @Flag(help: "Also removes what only older releases used; no older node may run any more.") var finish = false
    @OptionGroup var options: DatabaseOptions

    func validate() throws {
        if status, finish { throw ValidationError("--status and --finish exclude each other.") }
    }

    func run() async throws {
        let settings = try options.settings()
        try PeerIdentity.take(for: settings.databaseURL)
        let logger = Logs.start(settings.logLevel)
        let database = try DatabaseFactory.open(
            url: settings.databaseURL, serverLock: false, mayCreate: !status, logger: logger)
        let migrator = try Migrator(database, logger: logger)
        let state = status ? try await migrator.status() : try await migrator.migrate(finish: finish)
        Exit.tell(
            "schema version \(state.version), readable from \(state.readableFrom); this release: \(state.release)")
        for migration in state.applied {
            Exit.tell("applied  \(migration.version) \(migration.name) \(migration.appliedAt)")
        }
        for migration in state.pending {
            let note = migration.isContracting ? " (waits for --finish)" : ""
            Exit.tell("pending  \(migration.version) \(migration.name)\(note)")
        }
        await database.close()
        if let obstacle = state.obstacle, !(status && obstacle.code == .schemaTooOld) { throw obstacle }
    }
}
