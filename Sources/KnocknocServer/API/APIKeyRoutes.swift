import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

struct APIKeyRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        let access = site.access
        router.answer(.get, "api/v1/admin/api-keys") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<APIKeySubject>(request)
            let records = try await access.listAPIKeys(after: page.after, limit: page.limit + 1)
            return page.answer(records, id: \.id, json: { $0.json() })
        }
        router.answer(.post, "api/v1/admin/api-keys") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let body = try await request.json(APIKeyDraftBody.self)
            let made = try await access.createAPIKey(body.draft, by: admin.actor, context.origin)
            return .record(
                made.key.json(secret: made.secret), version: made.key.version, status: .created,
                at: "/api/v1/admin/api-keys/\(made.key.id)")
        }
        router.answer(.get, "api/v1/admin/api-keys/:id") { request, context in
            _ = try await site.requireAdmin(request, context)
            let key = try await access.apiKey(try context.identifier("API key"))
            return .record(key.json(), version: key.version)
        }
        router.answer(.patch, "api/v1/admin/api-keys/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: APIKeyID = try context.identifier("API key")
            let body = try await request.json(APIKeyPatchBody.self)
            let key = try await access.updateAPIKey(
                id, body.patch, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .record(key.json(), version: key.version)
        }
        router.answer(.delete, "api/v1/admin/api-keys/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: APIKeyID = try context.identifier("API key")
            try await access.deleteAPIKey(
                id, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .noContent
        }
    }
}

extension APIKeyRecord {
    /// - Parameter secret: only in the answer to its making.
    func json(secret: String? = nil) -> JSON {
        .object(
            [
                ("id", JSON(id)), ("name", .text(name)),
                ("scopes", .list(scopes.map(\.rawValue).sorted().map { .text($0) })),
                ("networks", .list(networks.map { .text($0.description) })), ("expires_at", JSON(expiresAt)),
                ("disabled", .bool(disabled)), ("last_used_at", JSON(lastUsedAt)), ("last_address", JSON(lastAddress)),
                ("version", .integer(version)), ("created_at", JSON(createdAt)),
            ] + (secret.map { [("secret", .text($0))] } ?? []))
    }
}
