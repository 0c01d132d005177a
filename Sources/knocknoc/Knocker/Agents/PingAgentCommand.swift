import ArgumentParser
import KnocknocAccess

struct PingAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Asks an agent whether it answers, whichever web node holds its link.",
        discussion: "Exit code 1 where it is offline or does not answer within 5 s.")

    private struct Pong: Encodable {
        var reply = "pong"
        var roundTripMs: Double
        var via: String
    }

    @OptionGroup var options: AgentOptions

    func run() async throws {
        var isFine = false
        try await options.with { access, agent in
            let outcome = try await access.ping(agent.id)
            guard case .pong(let time, let node) = outcome else { return Exit.say(outcome.words) }
            isFine = true
            let milliseconds = Double(Int64(time / .microseconds(1))) / 1000
            Exit.tell(
                options.json ? try AgentOutput.json(Pong(roundTripMs: milliseconds, via: node)) : outcome.words)
        }
        guard isFine else { throw ExitCode(Exit.failed) }
    }
}
