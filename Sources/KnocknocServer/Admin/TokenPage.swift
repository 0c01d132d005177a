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
    /// Whether a load balancer stands in front, whose certificate we do not know.
    var isProxied: Bool
    /// Of the certificate that we made ourselves, which no authority vouches for; nil where agents meet any other.
    private(set) var fingerprint: String?
    var done: String
    /// The units of Packaging/systemd.
    let agentUnit = EmbeddedFiles.all["systemd/knocknoc-agent.service"] ?? ""
    let guardUnit = EmbeddedFiles.all["systemd/knocknoc-guard.service"] ?? ""

    /// - Parameter fingerprint: of our own certificate, where we made it ourselves.
    init(
        frame: Frame, heading: Heading, token: String, server: WebOrigin, isProxied: Bool, fingerprint: String?,
        done: String
    ) {
        (self.frame, self.heading, self.token, self.done) = (frame, heading, token, done)
        (self.server, isLoopback) = (server.description, server.isLoopback)
        self.isProxied = isProxied
        self.fingerprint = isProxied ? nil : fingerprint
    }
}

extension Site {
    /// The address for agents: as configured, else as this administrator reached us.
    func agentAddress(_ context: KnocknocRequestContext) -> WebOrigin {
        if let url = settings.agentURL ?? settings.publicURL { return url }
        let host = context.local?.description ?? settings.listen.host
        return WebOrigin(secure: context.https, host: host, port: settings.listen.port)
    }
}
