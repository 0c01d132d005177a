import KnocknocAccess

/// An agent's last log lines, as `log.mustache` reads them.
struct LogPage {
    var frame: Frame
    var heading: Heading
    /// Why there are none.
    var refusal: String?
    var lines: String?
    var again: String

    init(_ outcome: LogOutcome, _ agent: AgentRecord, frame: Frame) {
        let path = "/admin/agents/\(agent.id)"
        self.frame = frame
        refusal = outcome.refusal
        var lead = "As it is on that machine; what is older stands in its journal."
        if case .lines(let said, let node) = outcome {
            lines = said.isEmpty ? "Nothing yet." : said.joined(separator: "\n")
            lead = "Through web node \(node), the newest last. What is older stands in that machine's journal."
        }
        heading = Heading(
            title: "Log of \(agent.name)", lead: lead, back: Link(href: path, label: agent.name))
        again = path + "/log"
    }
}
