import FoundationEssentials
import KnocknocAccess
public import KnocknocModel

/// Agents that files declare: each `NAME.conf` in `AgentsDir` has `Name`, `Zone` and `TokenHash`.
public enum AgentsDirectory {
    private static let name = SettingKey("Name", "name")
    private static let zone = SettingKey("Zone", "zone")
    private static let tokenHash = SettingKey("TokenHash", "token", "hash")

    /// Reads what the settings' directory declares into them.
    ///
    /// - Throws: ``ConfigurationError`` naming every file and line that is wrong.
    public static func read(into settings: inout ServerSettings) throws(ConfigurationError) {
        let path = settings.agentsDirectory ?? ServerSettings.standardAgentsDirectory
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
            guard settings.agentsDirectory != nil else { return }
            throw ConfigurationError([
                .init(place: "", message: "AgentsDir: \(path) cannot be read; expected a directory of files NAME.conf")
            ])
        }
        var problems: [ConfigurationError.Problem] = []
        var agents: [DeclaredAgent] = []
        var seen: [String: String] = [:]
        for name in names.sorted() where name.hasSuffix(".conf") {
            let file = "\(path)/\(name)"
            do throws(ConfigurationError) {
                let agent = try agent(file, named: String(name.dropLast(5)))
                if let other = seen.updateValue(file, forKey: agent.name.lowercased()) {
                    problems.append(.init(place: file, message: "\(other) declares an agent named \(agent.name) too"))
                }
                agents.append(agent)
            } catch { problems += error.problems }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        settings.declaredAgents = agents
    }

    private static func agent(_ path: String, named file: String) throws(ConfigurationError) -> DeclaredAgent {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 16 else {
            throw ConfigurationError([.init(place: path, message: "cannot be read; expected a file of a few lines")])
        }
        let text = String(decoding: data, as: UTF8.self)
        var reader = SettingsReader(Settings(reading: text, name: path, keys: [name, zone, tokenHash]))
        let agent = DeclaredAgent(
            name: reader.text(name) ?? file, zone: reader.text(zone),
            tokenHash: reader.value(
                tokenHash, expected: "sha256: and the 64 hexadecimal digits of the token's SHA-256", secret: true,
                AgentTokenList.hash) ?? [])
        if agent.tokenHash.isEmpty, reader.text(tokenHash) == nil {
            reader.refuse(
                tokenHash,
                "\(path): TokenHash is missing; expected sha256: and the 64 hexadecimal digits of the SHA-256")
        }
        try reader.finish()
        return agent
    }
}
