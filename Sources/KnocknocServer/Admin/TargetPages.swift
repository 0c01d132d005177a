import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// What administrators decide about agents' kernel objects and keys.
struct TargetPages {
    let site: Site

    func add(to router: KnocknocRouter) {
        router.post("admin/targets/:id/confirm") { request, context in
            try await site.adminForm(request, context) { asked, typed in
                try await site.access.confirmGuard(try context.identifier(), by: asked.actor, asked.context)
                return .seeOther("/admin/\(Self.page(typed.text("return")))?done=confirmed")
            }
        }
        router.post("admin/agents/:id/approve-key") { request, context in
            try await site.adminForm(request, context) { asked, typed in
                let agent: AgentID = try context.identifier()
                _ = try await site.access.approveKey(
                    of: agent, fingerprint: typed.text("fingerprint"), by: asked.actor, asked.context)
                return .seeOther("/admin/agents/\(agent)?done=approved")
            }
        }
        router.get("admin/agents/:id/targets/:target/unguard") { request, context in
            try await site.adminPage(request, context) { asked in try await confirm(asked, context) }
        }
        router.post("admin/agents/:id/targets/:target/unguard") { request, context in
            try await site.adminForm(request, context) { asked, _ in
                let agent: AgentID = try context.identifier()
                try await site.access.unguard(try context.identifier("target"), by: asked.actor, asked.context)
                return .seeOther("/admin/agents/\(agent)?done=unguarded")
            }
        }
    }

    private func confirm(_ asked: AdminRequest, _ context: KnocknocRequestContext) async throws -> Response {
        let agent = try await site.access.agent(try context.identifier("id", AgentID.self))
        let id: TargetID = try context.identifier("target")
        guard let target = try await site.access.targets(of: agent.id).first(where: { $0.id == id }) else {
            throw Problem.notFound("no such target on this agent")
        }
        let page = ConfirmPage(
            frame: site.adminFrame("Take the guard away?", current: "agents", asked.session, context),
            heading: Heading(
                title: "Take the guard away?", back: Link(href: "/admin/agents/\(agent.id)", label: agent.name)),
            text: "\(BackendText.summary(target.backend)) on \(agent.name).",
            consequences: [
                Self.opens(target.backend, on: agent.name),
                "Whatever else protects the port, your own firewall rules included, decides from then on.",
            ],
            action: "/admin/agents/\(agent.id)/targets/\(target.id)/unguard", submit: "Open to everybody")
        return try site.renderer.page("confirm", page)
    }

    private static func opens(_ backend: Backend, on agent: String) -> String {
        guard case .nftablesGuard(let value) = backend else { return "Nothing is guarded by it." }
        return "Knocknoc no longer closes \(BackendText.ports(value.protocol, value.ports)) on \(agent): everybody who "
            + "reaches that machine may connect."
    }

    /// Where to go on afterwards; only pages of things, whatever the form says.
    private static func page(_ text: String) -> String {
        let parts = text.split(separator: "/")
        guard parts.count == 2, ["knocs", "agents"].contains(parts[0]), KnocID(String(parts[1])) != nil else {
            return "knocs"
        }
        return parts.joined(separator: "/")
    }
}
