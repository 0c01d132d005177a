import KnocknocModel

/// Which `Host` a request may name, so that no foreign name that resolves to us is served (DNS rebinding).
struct HostRule: Sendable {
    /// Lower case, without port.
    private let names: Set<String>
    /// Those of ProbeURLs that are in no other way ours.
    private let probes: Set<String>

    init(_ settings: ServerSettings) {
        var names: Set<String> = ["localhost", settings.listen.host.lowercased()]
        if let url = settings.publicURL { names.insert(url.host) }
        if let url = settings.agentURL { names.insert(url.host) }
        if case .selfSigned(let extra) = settings.tls { names.formUnion(extra.map { $0.lowercased() }) }
        self.names = names
        probes = Set(settings.probeURLs.map(\.host)).subtracting(names)
    }

    /// Whether an authority names what serves to find out addresses and nothing else.
    func isProbeOnly(_ authority: String?) -> Bool {
        guard !probes.isEmpty, let authority, let (host, _) = splitAuthority(authority[...]) else { return false }
        return probes.contains(host.lowercased())
    }

    /// Whether an authority names this machine to itself: `localhost` or a loopback address.
    static func isThisMachine(_ authority: String?) -> Bool {
        guard let authority, let (host, _) = splitAuthority(authority[...]) else { return false }
        return host.lowercased() == "localhost" || IPAddress(host)?.isLoopback == true
    }

    /// - Parameter local: our own address on this connection, which counts as Listen's where that is a wildcard.
    func allows(_ authority: String?, local: IPAddress?) -> Bool {
        guard let authority, let (host, _) = splitAuthority(authority[...]) else { return false }
        let name = host.lowercased()
        if names.contains(name) || probes.contains(name) { return true }
        guard let address = IPAddress(host) else { return false }
        return address == local || names.contains(address.description) || address.isLoopback
    }
}
