import KnocknocModel

/// What to put on an agent's machine, as `agent-install.mustache` reads it.
struct AgentInstall {
    var token: String
    /// What the agent is to dial.
    var server: String
    /// Whether no other machine reaches that.
    var isLoopback: Bool
    /// Whether that is this node, which lets no agents in.
    var isShut: Bool
    var isGuessed: Bool
    /// Of the certificate that we made ourselves, which no authority vouches for; nil where agents may meet another.
    var fingerprint: String?
    /// Whether agents meet a certificate there that we do not know.
    var isUnknown: Bool
    /// What it is to open with: the one that was chosen, or all to choose from.
    var backends: [BackendChoice]
    /// How to get the package from here; nil where the server has none.
    var fetch: Fetch?
    /// The units of Packaging/systemd.
    let agentUnit = EmbeddedFiles.all["systemd/knocknoc-agent.service"] ?? ""
    let guardUnit = EmbeddedFiles.all["systemd/knocknoc-guard.service"] ?? ""

    struct Fetch {
        var url: String
        /// curl's options for a certificate that no authority vouches for, with a space behind.
        var options: String
        var architectures: String
    }

    /// - Parameter architectures: of the packages in `DownloadDir`.
    init(token: String, address: AgentAddress, architectures: [String], backends: [BackendChoice] = []) {
        (self.token, self.backends) = (token, backends)
        (server, isLoopback, isShut) = (address.url.description, address.url.isLoopback, address.isShut)
        // The warning about loopback says it already.
        isGuessed = address.isGuessed && !address.url.isLoopback
        fingerprint = address.fingerprint
        isUnknown = address.url.secure && address.fingerprint == nil
        guard !architectures.isEmpty, !address.isShut else { return }
        fetch = Fetch(
            url: address.url.description + DownloadRoutes.path,
            options: address.pin.map { "-k --pinnedpubkey 'sha256//\($0)' " } ?? "",
            architectures: architectures.joined(separator: ", "))
    }
}

extension AgentInstall {
    init(token: String, backends: [BackendChoice] = [], site: Site, _ context: KnocknocRequestContext) async {
        self.init(
            token: token, address: AgentAddress(site, context),
            architectures: await site.packages?.packages().map(\.architecture) ?? [], backends: backends)
    }
}
