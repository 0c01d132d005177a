import NIOConcurrencyHelpers

/// The servers that may be dialed: web nodes that a server named and this machine's own file allows, then those of that
/// file, which are always the last resort.
final class KnownServers: Sendable {
    let configured: [ServerURL]
    /// Further names that a server may send this agent to.
    private let hosts: [HostPattern]
    /// Whether certificates are pinned, which tells a server whatever its name is.
    private let isPinned: Bool
    private let state = NIOLockedValueBox((learned: [ServerURL](), spread: Int64(0)))

    init(configured: [ServerURL], hosts: [HostPattern], isPinned: Bool) {
        self.configured = configured
        self.hosts = hosts
        self.isPinned = isPinned
    }

    /// Takes over what a server names.
    ///
    /// - Returns: what this machine's own file does not allow.
    @discardableResult
    func learn(_ endpoints: [String]) -> [String] {
        var (learned, refused): ([ServerURL], [String]) = ([], [])
        for text in endpoints {
            guard let server = ServerURL(text), allows(server) else {
                refused.append(text)
                continue
            }
            if !learned.contains(server) { learned.append(server) }
        }
        state.withLockedValue { $0.learned = learned }
        return refused
    }

    /// The token goes where the administrator of this machine sends it, and nowhere else.
    private func allows(_ server: ServerURL) -> Bool {
        guard server.secure else { return configured.contains { !$0.secure && $0.host == server.host } }
        return isPinned || configured.contains { $0.host == server.host } || hosts.contains { $0.matches(server.host) }
    }

    /// Milliseconds within which to dial after a link was lost.
    var spread: Int64 {
        get { state.withLockedValue { $0.spread } }
        set { state.withLockedValue { $0.spread = min(60_000, max(0, newValue)) } }
    }

    /// Every one of them.
    var all: [ServerURL] {
        let learned = state.withLockedValue { $0.learned }
        return learned + configured.filter { !learned.contains($0) }
    }

    /// One round of attempts: learned ones in an order of chance, then the others in theirs; the one that was just lost
    /// comes last.
    func round(after lost: ServerURL?, using generator: inout some RandomNumberGenerator) -> [ServerURL] {
        let learned = state.withLockedValue { $0.learned }.shuffled(using: &generator)
        let all = learned + configured.filter { !learned.contains($0) }
        guard let lost, all.contains(lost) else { return all }
        return all.filter { $0 != lost } + [lost]
    }
}
