import ArgumentParser
import KnocknocAgent
import KnocknocModel

struct EnrollCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enroll",
        abstract: "Makes this agent's keys, checks server and token, and prints the key's fingerprint.")

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let configuration = try AgentConfiguration(
            settings: options.settings(), readToken: SettingsLayers.readToken)
        let answer = try await Enrollment.check(configuration)
        print("server       \(answer.server)")
        print("agent        \(answer.agent)")
        print("fingerprint  \(answer.fingerprint)")
    }
}
