/// One line of `pg_settings`.
struct ClusterSetting: Decodable, Sendable {
    var name: String
    /// What is in effect.
    var setting: String
    /// Where it comes from: `default`, `configuration file`, `command line`, …
    var source: String
    var sourcefile: String?
    /// Whether a file says something else that a restart would take.
    var pendingRestart: Bool

    var isFromCommandLine: Bool { source == "command line" }
}

extension LocalCluster {
    /// These settings as a new session sees them, by name.
    func settings(_ names: [String]) async throws -> [String: ClusterSetting] {
        let list = try names.map { name in try SQLText.literal(name) }.joined(separator: ", ")
        let all: [ClusterSetting] = try await rows(
            """
            select name, setting, source, sourcefile, pending_restart as "pendingRestart" from pg_settings
            where name in (\(list))
            """)
        return Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
}
