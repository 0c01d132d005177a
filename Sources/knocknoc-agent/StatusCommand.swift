import ArgumentParser
import FoundationEssentials
import KnocknocAgent
import KnocknocModel

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Tells how the agent on this machine is, and its key's fingerprint.",
        discussion: "Exits 0 while the agent enforces, 1 where it does not or is not running.")

    @OptionGroup var options: StatusOptions
    @Flag(help: "Prints JSON.") var json = false

    private struct Answer: Encodable {
        var running: Bool
        var health: HealthReport?
        var fingerprint: String?
        var remembered: AgentSummary?
        var problem: String?
    }

    func run() async throws {
        let configuration = try AgentConfiguration(localSettings: options.settings())
        var answer = Answer(running: false)
        do throws(AgentError) {
            if let listen = configuration.healthListen {
                answer.health = try await HealthClient.ask(listen)
                answer.running = true
            } else {
                answer.problem = "HealthListen = none: a running agent cannot be asked"
            }
        } catch {
            answer.problem = error.message
        }
        do throws(AgentError) {
            // The running agent may have been told of another key file than this command.
            if let running = answer.health?.fingerprint {
                answer.fingerprint = running
            } else {
                answer.fingerprint = try KeyFile(path: configuration.keyFile).read()?.fingerprint
            }
            answer.remembered = try configuration.stateFile.flatMap { (path) throws(AgentError) in
                try AgentSummary(stateFile: path)
            }
        } catch {
            answer.problem = answer.problem ?? error.message
        }
        try show(answer)
        if answer.health?.status != .ok { throw ExitCode.failure }
    }

    private func show(_ answer: Answer) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(answer), as: UTF8.self))
            return
        }
        let health = answer.health
        let lines: [(String, String?)] = [
            ("running", answer.running ? "yes" : "no"), ("status", health?.status.rawValue),
            ("connected", health.map { $0.connected ? "yes" : "no" }), ("server", health?.server),
            ("node", health?.node), ("last sync", health?.lastSync), ("backend", health?.backend),
            ("entries", (health?.entries ?? answer.remembered?.entries).map(String.init)),
            ("agent", health?.agent ?? answer.remembered?.agent), ("fingerprint", answer.fingerprint ?? "none yet"),
            ("reason", health?.reason), ("problem", answer.problem),
        ]
        for case (let name, let value?) in lines {
            print(name + String(repeating: " ", count: 13 - name.count) + value)
        }
    }
}
