import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

struct AgentRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        let access = site.access
        router.answer(.get, "api/v1/admin/agents") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<AgentSubject>(request)
            let records = try await access.listAgents(
                after: page.after, limit: page.limit + 1, zone: page.fields["zone"])
            return page.answer(records, id: \.id, json: \.json)
        }
        router.answer(.post, "api/v1/admin/agents") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let body = try await request.json(AgentDraftBody.self)
            let (agent, token) = try await access.createAgent(body.draft, by: admin.actor, context.origin)
            return try .agent(agent, token: token, status: .created, at: "/api/v1/admin/agents/\(agent.id)")
        }
        router.answer(.get, "api/v1/admin/agents/draft") { request, context in
            _ = try await site.requireAdmin(request, context)
            let (name, token) = try await access.draftAgent()
            let address = AgentAddress(site, context)
            return .json(
                .object([
                    ("suggested_name", .text(name)), ("token", .text(token)), ("url", .text(address.url.description)),
                    ("warning", JSON(address.warning)),
                ]))
        }
        router.answer(.post, "api/v1/admin/agents/:id/rotate") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let body = try await request.optionalJSON(RotationBody.self)
            let (agent, token) = try await access.rotateToken(
                of: try context.identifier("agent"), now: body?.isNow ?? false, by: admin.actor, context.origin)
            return try .agent(agent, token: token, status: .ok, at: nil)
        }
        router.answer(.get, "api/v1/admin/agents/:id") { request, context in
            _ = try await site.requireAdmin(request, context)
            let agent = try await access.agent(try context.identifier("agent"))
            return .record(agent.json, version: agent.version)
        }
        router.answer(.patch, "api/v1/admin/agents/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: AgentID = try context.identifier("agent")
            let body = try await request.json(AgentPatchBody.self)
            let agent = try await access.updateAgent(
                id, body.patch, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .record(agent.json, version: agent.version)
        }
        router.answer(.delete, "api/v1/admin/agents/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: AgentID = try context.identifier("agent")
            try await access.deleteAgent(
                id, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .noContent
        }
        router.answer(.get, "api/v1/admin/agents/:id/targets") { request, context in
            _ = try await site.requireAdmin(request, context)
            let targets = try await access.targets(of: try context.identifier("agent"))
            return .json(.object([("items", .list(targets.map(\.json))), ("next", .null)]))
        }
        router.answer(.post, "api/v1/admin/agents/:id/ping") { request, context in
            _ = try await site.requireAdmin(request, context)
            return try .pinged(try await access.ping(try context.identifier("agent")))
        }
        router.answer(.get, "api/v1/admin/agents/:id/log") { request, context in
            _ = try await site.requireAdmin(request, context)
            let lines = try FormFields(query: request.uri.query).number("lines", in: 1...200) ?? 200
            return try .logged(try await access.log(of: try context.identifier("agent"), lines: lines))
        }
        router.answer(.post, "api/v1/admin/agents/:id/resync") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let agent = try await access.resync(
                try context.identifier("agent"), by: admin.actor, context.origin)
            return .record(agent.json, version: agent.version, status: .accepted)
        }
        router.answer(.post, "api/v1/admin/agents/:id/approve-key") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: AgentID = try context.identifier("agent")
            let body = try await request.json(FingerprintBody.self)
            let agent = try await access.approveKey(
                of: id, fingerprint: body.fingerprint, by: admin.actor, context.origin)
            return .record(agent.json, version: agent.version)
        }
    }
}

extension Response {
    /// An agent with its token, which is in this answer only: the store has its hash.
    fileprivate static func agent(
        _ agent: AgentRecord, token: String, status: HTTPResponse.Status, at path: String?
    ) throws -> Response {
        guard case .object(let members) = agent.json else { throw Problem.internalError }
        return .record(
            .object(members + [("token", .text(token))]), version: agent.version, status: status, at: path)
    }
}
