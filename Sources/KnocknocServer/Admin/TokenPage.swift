/// An agent's token, shown this once, as `agent-token.mustache` reads it.
struct TokenPage {
    var frame: Frame
    var heading: Heading
    var install: AgentInstall
    var done: String
}
