import ArgumentParser
import Glibc
import KnocknocSystem
import KnocknocToolkit

struct PromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Makes the standby of this machine the primary.",
        discussion: """
            For when the machine with the primary is lost. Refuses while the old primary still answers, since two primaries \
            would each take changes that the other never learns. Says first what may be lost: nothing where every commit \
            waited for this machine ("knocker replica --synchronous"), else what the old primary took in its last moments. \
            In that case all sessions end and agents are told everything anew, since what is lost may have been an ending. Where \
            the last change is older than two minutes it is not certain that it was waited for until the end, and one of \
            --keep-sessions and --end-sessions has to be given.

            Web nodes whose DatabaseURL names both machines go on by themselves. The old primary must not come back as it \
            is; make it the standby of this one with "knocker replica".

            EXIT CODES
              0 done or a primary already, 1 failed (the same command goes on where it stopped), 2 wrong usage, 77 not root, \
            78 bad configuration; 130, 143 or 129 after Ctrl-C, SIGTERM or SIGHUP (as after 1).
            """)

    @Flag(help: "Also while the old primary answers.") var force = false
    @Flag(help: "Sessions go on, whatever may be lost.") var keepSessions = false
    @Flag(help: "All sessions end, also where nothing is lost.") var endSessions = false
    @Option(
        name: .customLong("conn"),
        help: ArgumentHelp("The standby, where this machine has several clusters.", valueName: "uri"))
    var connection: String?

    func validate() throws {
        if keepSessions, endSessions { throw ValidationError("--keep-sessions and --end-sessions exclude each other.") }
        try ConnectionOption.check(connection)
    }

    func run() async throws {
        var options = Promotion.Options()
        options.connection = connection
        options.isForced = force
        options.sessions = keepSessions ? .keep : endSessions ? .end : .automatic
        let outcome = try await Promotion(options: options, console: StandardConsole(), startOver: startOver).run()
        for line in outcome.lines { Exit.tell(line) }
    }

    /// By another run of this program, as the user whom the cluster lets in over its socket.
    private func startOver(_ cluster: LocalCluster) async throws -> String {
        guard let program = realpath("/proc/self/exe", nil) else {
            throw SystemError(.failed, "cannot tell where this executable is")
        }
        defer { free(program) }
        let command = try cluster.asOwner([
            String(cString: program), "knocker", "end-sessions", "--cause", "failover", "--config", "none",
            "--database-url", cluster.url,
        ])
        return try await Command.check("ending the sessions", command)
    }
}
