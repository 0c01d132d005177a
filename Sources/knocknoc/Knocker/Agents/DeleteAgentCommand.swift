import ArgumentParser
import Glibc
import KnocknocAccess
import KnocknocSystem

struct DeleteAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes an agent: its sets are emptied, its guards stay closed.",
        discussion: """
            Says how many grants are open through it and asks, unless told not to. Ports that it guards stay closed to everybody \
            until "knocknoc-agent unguard" on that machine.
            """)

    @Flag(name: [.customLong("force"), .customShort("y")], help: "Do not ask.") var force = false
    @OptionGroup var options: AgentOptions

    func run() async throws {
        try await options.with { access, agent in
            let open = try await access.openGrants(through: agent.id)
            let grants = open == 1 ? "1 grant is" : "\(open) grants are"
            if !force {
                guard isatty(STDIN_FILENO) == 1 else {
                    throw ValidationError(
                        "\(grants) open through \(agent.name). Give --force where nobody can be asked.")
                }
                let answer = Keyboard.line(
                    "Delete agent \(agent.name)? \(grants) open through it. [y/N] ", isHidden: false)
                guard ["y", "yes"].contains(answer?.lowercased()) else {
                    throw SystemError(.failed, "agent \(agent.name) was not deleted")
                }
            }
            try await access.deleteAgent(agent.id, version: agent.version, by: .cli, nil)
            try options.tell(agent, "agent \(agent.name) is deleted; \(grants) no longer open through it")
        }
    }
}
