import KnocknocModel

/// A new agent's token, shown this once, as `agent-token.mustache` reads it.
struct TokenPage {
    var frame: Frame
    var heading: Heading
    var token: String
    /// Where the agent is to dial.
    var server: String
    /// Whether no other machine reaches that.
    var isLoopback: Bool
    /// Of the certificate that we made ourselves, which no authority vouches for; nil where agents may meet another.
    var fingerprint: String?
    /// Whether agents meet a certificate there that we do not know.
    var isUnknown: Bool
    var done: String
    /// The units of Packaging/systemd.
    let agentUnit = EmbeddedFiles.all["systemd/knocknoc-agent.service"] ?? ""
    let guardUnit = EmbeddedFiles.all["systemd/knocknoc-guard.service"] ?? ""

    init(frame: Frame, heading: Heading, token: String, address: AgentAddress, done: String) {
        (self.frame, self.heading, self.token, self.done) = (frame, heading, token, done)
        (server, isLoopback) = (address.url.description, address.url.isLoopback)
        fingerprint = address.fingerprint
        isUnknown = address.url.secure && address.fingerprint == nil
    }
}
