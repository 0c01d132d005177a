import ArgumentParser
import KnocknocAccess
import KnocknocIdentity
import KnocknocServer
import KnocknocStore
import Logging

struct EndSessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end-sessions",
        abstract: "Ends every session and grant, and has agents told everything anew.",
        discussion: """
            For a database that may lack the last changes, since an ending may be among them: after a restore, or a failover \
            to a standby that commits did not wait for. "knocker promote" does it by itself.
            """)

    @Option(help: ArgumentHelp("A word for the audit.", valueName: "word")) var cause = "command"
    @OptionGroup var options: DatabaseOptions

    func run() async throws {
        let settings = try options.settings()
        try PeerIdentity.take(for: settings.databaseURL)
        let logger = Logs.start(max(settings.logLevel, .warning))
        let database = try DatabaseFactory.open(
            url: settings.databaseURL, serverLock: false, mayCreate: false, patience: .seconds(60), logger: logger)
        let access = Access(
            database: database, hasher: PasswordHasher(slots: 1), node: settings.nodeName, logger: logger)
        do {
            let ended = try await access.startOver(cause: cause)
            await database.close()
            Exit.tell("\(ended.sessions) sessions and \(ended.grants) grants have ended; everybody signs in again")
        } catch {
            await database.close()
            throw error
        }
    }
}
