import KnocknocRelease

/// A package of the agent, as `knocknoc-agent_VERSION_ARCHITECTURE.deb` says.
struct AgentPackage: Equatable, Sendable {
    let path: String
    let version: String
    let architecture: String

    /// - Returns: nil for any other file.
    init?(_ name: String, in directory: String) {
        guard name.hasPrefix("knocknoc-agent_"), name.hasSuffix(".deb") else { return nil }
        let parts = name.dropLast(4).split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty else { return nil }
        path = directory + "/" + name
        version = parts[1]
        architecture = parts[2]
    }

    /// Whether this is the better one of two for one architecture.
    func isNewer(than other: AgentPackage) -> Bool {
        if Release.precedes(other.version, version) { return true }
        return !Release.precedes(version, other.version) && version > other.version
    }
}
