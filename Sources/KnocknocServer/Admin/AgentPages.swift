import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// What administrators ask of agents.
struct AgentPages {
    let site: Site

    func add(to router: KnocknocRouter) {
        // The page's script asks in place; this is the way without it.
        router.post("admin/agents/:id/ping") { request, context in
            try await site.adminForm(request, context) { asked, _ in
                let agent = try await site.access.agent(try context.identifier("id", AgentID.self))
                let outcome = try await site.access.ping(agent.id)
                return try answer(agent, .pinged(outcome), asked, context)
            }
        }
        router.get("admin/agents/:id/log") { request, context in
            try await site.adminPage(request, context) { asked in
                let agent = try await site.access.agent(try context.identifier("id", AgentID.self))
                let page = LogPage(
                    try await site.access.log(of: agent.id), agent,
                    frame: site.adminFrame(agent.name, current: "agents", asked.session, context))
                return try site.renderer.page("log", page)
            }
        }
        router.post("admin/agents/:id/resync") { request, context in
            try await site.adminForm(request, context) { asked, _ in
                let agent = try await site.access.resync(
                    try context.identifier(), by: asked.actor, asked.context)
                return .seeOther("/admin/agents/\(agent.id)?done=resynced")
            }
        }
        for (word, disabled) in [("disable", true), ("enable", false)] {
            router.post(RouterPath("admin/agents/:id/\(word)")) { request, context in
                try await site.adminForm(request, context) { asked, _ in
                    var patch = AgentPatch()
                    patch.disabled = disabled
                    _ = try await site.access.updateAgent(
                        try context.identifier(), patch, by: asked.actor, asked.context)
                    return .seeOther("/admin/agents?done=saved")
                }
            }
        }
        router.get("admin/agents/:id/rotate") { request, context in
            try await site.adminPage(request, context) { asked in
                let agent = try await site.access.agent(try context.identifier("id", AgentID.self))
                return try confirmRotation(agent, asked, context)
            }
        }
        router.post("admin/agents/:id/rotate") { request, context in
            try await site.adminForm(request, context) { asked, typed in
                let id: AgentID = try context.identifier()
                guard typed["confirmed"] != nil else {
                    return try confirmRotation(try await site.access.agent(id), asked, context)
                }
                let isNow = typed["now"] != nil
                let (agent, token) = try await site.access.rotateToken(
                    of: id, now: isNow, by: asked.actor, asked.context)
                let page = TokenPage(
                    frame: site.adminFrame(agent.name, current: "agents", asked.session, context),
                    heading: Heading(
                        title: "Another token for \(agent.name)",
                        lead: isNow
                            ? "No other counts any more: put this in its place."
                            : "The old one counts for ten minutes more; put this in its place by then."),
                    install: await AgentInstall(token: token, site: site, context),
                    done: "/admin/agents/\(agent.id)")
                return try site.renderer.page("agent-token", page)
            }
        }
    }

    private func confirmRotation(
        _ agent: AgentRecord, _ asked: AdminRequest, _ context: KnocknocRequestContext
    ) throws -> Response {
        var page = ConfirmPage(
            frame: site.adminFrame("Another token?", current: "agents", asked.session, context),
            heading: Heading(
                title: "Another token?", back: Link(href: "/admin/agents/\(agent.id)", label: agent.name)),
            text: "\(agent.name) gets another token, which is shown once.",
            consequences: [
                "The old token counts for ten minutes more: put the new one on its machine by then.",
                "The link that stands goes on; nothing closes.",
                "If you rotated it a moment ago, what that replaced keeps its own ten minutes: nothing is cut off by "
                    + "rotating again.",
            ],
            action: "/admin/agents/\(agent.id)/rotate", submit: "Rotate the token")
        page.confirmed = true
        page.choice = ConfirmPage.Choice(
            name: "now",
            label:
                "End every other token now, and the link: somebody else may have one. What is open stays open until it "
                + "expires.")
        return try site.renderer.page("confirm", page)
    }

    private func answer(
        _ agent: AgentRecord, _ notice: Notice, _ asked: AdminRequest, _ context: KnocknocRequestContext
    ) throws -> Response {
        let page = AnswerPage(
            frame: site.adminFrame(agent.name, current: "agents", asked.session, context, notice: notice),
            heading: Heading(
                title: agent.name, back: Link(href: "/admin/agents", label: AgentResource.words.title)))
        return try site.renderer.page("answer", page)
    }
}
