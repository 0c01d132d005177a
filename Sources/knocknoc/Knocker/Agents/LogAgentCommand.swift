import ArgumentParser
import KnocknocAccess

struct LogAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Prints the last lines of an agent's log, whichever web node holds its link.",
        discussion: "Exit code 1 where it is offline, does not answer within 5 s, or is too old to tell its log.")

    private struct Log: Encodable {
        var lines: [String]
        var via: String
    }

    @OptionGroup var options: AgentOptions
    @Option(name: [.long, .customShort("n")], help: "How many lines at most, 1 to 200.") var lines = 200

    func validate() throws {
        guard (1...200).contains(lines) else { throw ValidationError("--lines: expected 1 to 200") }
    }

    func run() async throws {
        var isFine = false
        try await options.with { access, agent in
            let outcome = try await access.log(of: agent.id, lines: lines)
            guard case .lines(let said, let node) = outcome else { return Exit.say(outcome.refusal ?? "") }
            isFine = true
            if options.json { return Exit.tell(try AgentOutput.json(Log(lines: said, via: node))) }
            for line in said { Exit.tell(line) }
        }
        guard isFine else { throw ExitCode(Exit.failed) }
    }
}
