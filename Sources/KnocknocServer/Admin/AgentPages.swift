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
                return try answer(agent, PingText.notice(outcome), asked, context)
            }
        }
        router.post("admin/agents/:id/resync") { request, context in
            try await site.adminForm(request, context) { asked, _ in
                let agent = try await site.access.resync(
                    try context.identifier(), by: asked.actor, asked.context)
                return .seeOther("/admin/agents/\(agent.id)?done=resynced")
            }
        }
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
