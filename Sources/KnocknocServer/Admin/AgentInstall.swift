/// What to put on an agent's machine, as `agent-install.mustache` reads it.
struct AgentInstall {
    var token: String
    /// What the agent is to dial.
    var server: String
    /// Whether no other machine reaches that.
    var isLoopback: Bool
    var isGuessed: Bool
    /// Of the certificate that we made ourselves, which no authority vouches for; nil where agents may meet another.
    var fingerprint: String?
    /// Whether agents meet a certificate there that we do not know.
    var isUnknown: Bool
    /// The units of Packaging/systemd.
    let agentUnit = EmbeddedFiles.all["systemd/knocknoc-agent.service"] ?? ""
    let guardUnit = EmbeddedFiles.all["systemd/knocknoc-guard.service"] ?? ""

    init(token: String, address: AgentAddress) {
        self.token = token
        (server, isLoopback) = (address.url.description, address.url.isLoopback)
        // The warning about loopback says it already.
        isGuessed = address.isGuessed && !address.url.isLoopback
        fingerprint = address.fingerprint
        isUnknown = address.url.secure && address.fingerprint == nil
    }
}
