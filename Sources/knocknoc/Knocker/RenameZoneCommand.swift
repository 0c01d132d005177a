import ArgumentParser
import Glibc
import KnocknocAccess
import KnocknocModel
import KnocknocSystem

struct RenameZoneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename-zone", abstract: "Gives a zone another name, in all agents and Knocs that name it.",
        discussion: """
            Says what names the zone and asks, unless told not to. Nothing opens or closes. Agents whose own files name OLD are put \
            into NEW, which counts before what their files say. A web node's Zone is in its own configuration and stays.
            """)

    /// What `--json` prints.
    private struct Output: Encodable {
        var zone: String
        var agents: Int
        var knocs: Int
    }

    @Argument(help: "The zone's name, in any spelling.") var old: String
    @Argument(help: "Its name from now on; no zone may have it yet.") var new: String
    @Flag(name: [.customLong("yes"), .customShort("y")], help: "Do not ask.") var yes = false
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await SiteAccess.with(database) { access in
            if !yes { try confirm(try await access.users(ofZone: old)) }
            let renamed = try await access.renameZone(old, to: new, by: .cli, nil)
            let agents = renamed.agents.count + renamed.told.count
            if json {
                let output = Output(zone: new, agents: agents, knocs: renamed.knocs.count)
                return Exit.tell(try AgentOutput.json(output))
            }
            Exit.tell(
                "zone \(old) is \(new) now: \(Self.count(agents, "agent")), \(Self.count(renamed.knocs.count, "Knoc"))")
            if !renamed.told.isEmpty {
                Exit.say(
                    "\(Self.count(renamed.told.count, "agent")) said \(old) by a Zone of its own file; what is given here counts "
                        + "before that")
            }
        }
    }

    private func confirm(_ users: ZoneRenaming) throws {
        let agents = Self.count(users.agents.count + users.told.count, "agent")
        let words = "\(agents) and \(Self.count(users.knocs.count, "Knoc")) name the zone \(old)."
        guard isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("\(words) Give --yes where nobody can be asked.")
        }
        let answer = Keyboard.line("\(words) Rename it to \(new)? [y/N] ", isHidden: false)
        guard ["y", "yes"].contains(answer?.lowercased()) else {
            throw SystemError(.failed, "zone \(old) keeps its name")
        }
    }

    private static func count(_ number: Int, _ thing: String) -> String {
        "\(number) \(thing)\(number == 1 ? "" : "s")"
    }
}
