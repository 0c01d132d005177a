import KnocknocAccess
import KnocknocModel

/// The administration's first page, as `dashboard.mustache` reads it.
struct OverviewPage {
    struct Step {
        var title: String
        var text: String
        var done: Bool
        var href: String
        var label: String
    }

    struct Stat {
        var label: String
        var icon: String
        var value: String
        var more: String
        var href: String
        var kind = ""
    }

    /// A proxy that is not trusted, and the line that would trust it.
    struct Forwarder {
        var peer: String
        var line: String
    }

    struct Block {
        var title: String
        var href: String
        var label: String
        var table: Table
    }

    var frame: Frame
    var heading: Heading
    var steps: [Step]
    var hasSteps: Bool
    var stats: [Stat]
    var blocks: [Block]
    var forwarders: [Forwarder] = []

    init(frame: Frame, numbers: Dashboard, grants: Table, agents: Table, audit: Table) {
        self.frame = frame
        heading = Heading(title: "Overview", lead: "What is open now, through which agents, and what needs you.")
        steps = Self.steps(numbers)
        hasSteps = steps.contains { !$0.done }
        stats = Self.stats(numbers)
        blocks = [Block(title: "Open now", href: "/admin/grants", label: "All grants", table: grants)]
        if numbers.agents > 0 {
            blocks.append(Block(title: "Agents", href: "/admin/agents", label: "All agents", table: agents))
        }
        blocks.append(Block(title: "Lately", href: "/admin/audit", label: "The whole audit", table: audit))
    }

    private static func steps(_ numbers: Dashboard) -> [Step] {
        [
            Step(
                title: "Link an agent", text: "The process beside the firewall whose ports are to be guarded.",
                done: numbers.agentsLinked > 0, href: "/admin/agents/new", label: "Add agent"),
            Step(
                title: "Make a group", text: "It brings people and what they may open together.",
                done: numbers.groups > 0, href: "/admin/groups/new", label: "New group"),
            Step(
                title: "Protect something", text: "A Knoc: its ports, its agent, its groups.", done: numbers.knocs > 0,
                href: "/admin/knocs/new", label: "New Knoc"),
            Step(
                title: "Add a user", text: "They sign in on the portal and see what their groups may open.",
                done: numbers.users > 0, href: "/admin/users/new", label: "New user"),
        ]
    }

    private static func people(_ numbers: Dashboard) -> String {
        let users = numbers.sessions - numbers.adminSessions
        return "\(users) of users, \(numbers.adminSessions) of administrators"
    }

    private static func stats(_ numbers: Dashboard) -> [Stat] {
        let away = numbers.agents - numbers.agentsOnline
        return [
            Stat(
                label: "Live grants", icon: "door", value: String(numbers.liveGrants),
                more: "on \(numbers.openKnocs) of \(Consequence.count(numbers.knocs, "Knoc", "Knocs"))",
                href: "/admin/grants"),
            Stat(
                label: "Sessions", icon: "session", value: String(numbers.sessions),
                more: Self.people(numbers), href: "/admin/sessions"),
            Stat(
                label: "Agents online", icon: "agent", value: "\(numbers.agentsOnline) of \(numbers.agents)",
                more: numbers.agents == 0 ? "none yet" : away == 0 ? "all linked" : "\(away) not linked",
                href: "/admin/agents",
                kind: away > 0 ? "bad" : ""),
            Stat(
                label: "Failed", icon: "failed", value: String(numbers.failed),
                more: numbers.failed == 0 ? "nothing to do" : "the Knocs' pages say why",
                href: "/admin/knocs", kind: numbers.failed > 0 ? "bad" : ""),
        ]
    }
}
