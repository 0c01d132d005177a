import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

struct GroupRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        let access = site.access
        router.answer(.get, "api/v1/admin/groups") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<GroupSubject>(request)
            let records = try await access.listGroups(after: page.after, limit: page.limit + 1)
            return page.answer(records, id: \.id, json: \.json)
        }
        router.answer(.post, "api/v1/admin/groups") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let body = try await request.json(GroupDraftBody.self)
            let group = try await access.createGroup(body.draft, by: admin.actor, context.origin)
            return .record(group.json, version: group.version, status: .created, at: "/api/v1/admin/groups/\(group.id)")
        }
        router.answer(.get, "api/v1/admin/groups/:id") { request, context in
            _ = try await site.requireAdmin(request, context)
            let group = try await access.group(try context.identifier("group"))
            return .record(group.json, version: group.version)
        }
        router.answer(.patch, "api/v1/admin/groups/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: GroupID = try context.identifier("group")
            let body = try await request.json(GroupPatchBody.self)
            let group = try await access.updateGroup(
                id, body.patch, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .record(group.json, version: group.version)
        }
        router.answer(.delete, "api/v1/admin/groups/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: GroupID = try context.identifier("group")
            try await access.deleteGroup(
                id, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .noContent
        }
    }
}
