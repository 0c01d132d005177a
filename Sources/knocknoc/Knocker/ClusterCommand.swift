import ArgumentParser
import KnocknocAccess
import KnocknocIdentity
import KnocknocServer
import KnocknocStore
import KnocknocToolkit
import Logging

struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Shows web nodes, the database's hosts with role and lag, agents, and what is wrong.",
        discussion: """
            Asks every host that DatabaseURL names for itself. A standby's lag is what it has not replayed of the primary's \
            log. Durability is sync where a commit waits for a second host. While no host takes writes, web nodes and agents are unknown, and \
            not in the JSON. Exit code 1 where something is wrong.
            """)

    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var options: DatabaseOptions

    func run() async throws {
        let settings = try options.settings()
        try PeerIdentity.take(for: settings.databaseURL)
        let logger = Logs.start(max(settings.logLevel, .error))
        let hosts = try await PostgresSurvey.take(DatabaseURL(settings.databaseURL))
        let database = try DatabaseFactory.open(
            url: settings.databaseURL, serverLock: false, mayCreate: false, logger: logger)
        let access = Access(
            database: database, hasher: PasswordHasher(slots: 1), node: settings.nodeName, logger: logger)
        var state: ClusterState?
        var problem: String?
        do { state = try await access.clusterState() } catch let error as StoreError { problem = error.message }
        await database.close()
        let report = ClusterReport(state, hosts, problem: problem)
        for line in json ? [try report.json()] : report.lines { Exit.tell(line) }
        guard report.warnings.isEmpty else { throw ExitCode(Exit.failed) }
    }
}
