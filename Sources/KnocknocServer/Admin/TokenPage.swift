import KnocknocModel

/// A new agent's token, shown this once, as `agent-token.mustache` reads it.
struct TokenPage {
    var frame: Frame
    var heading: Heading
    var token: String
    /// Where the agent is to dial.
    var server: String
    var done: String
}

extension Site {
    /// The address for agents: as configured, else as this administrator reached us.
    func agentAddress(_ context: KnocknocRequestContext) -> String {
        if let url = settings.agentURL ?? settings.publicURL { return url.description }
        let host = context.local?.description ?? settings.listen.host
        return WebOrigin(secure: context.https, host: host, port: settings.listen.port).description
    }
}
