import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// What is open and who is signed in, with "end now".
struct LivePages {
    let site: Site
    private let size = 50

    init(site: Site) { self.site = site }

    func add(to router: KnocknocRouter) {
        router.get("admin/grants") { request, context in
            try await site.adminPage(request, context) { asked in try await grants(asked, request, context) }
        }
        router.post("admin/grants/:id/end") { request, context in
            try await site.adminForm(request, context) { asked, _ in
                try await site.access.endGrant(try context.identifier(), by: asked.actor, asked.context)
                return .seeOther("/admin/grants?done=ended")
            }
        }
        router.get("admin/sessions") { request, context in
            try await site.adminPage(request, context) { asked in try await sessions(asked, request, context) }
        }
        router.post("admin/sessions/:id/end") { request, context in
            try await site.adminForm(request, context) { asked, _ in
                try await site.access.endSession(try context.identifier(), by: asked.actor, asked.context)
                return .seeOther("/admin/sessions?done=ended")
            }
        }
    }

    private func grants(
        _ asked: AdminRequest, _ request: Request, _ context: KnocknocRequestContext
    ) async throws -> Response {
        let all = request.query["show"] == "all"
        let after = request.query["after"].flatMap { GrantID($0) }
        let records = try await site.access.listGrants(live: !all, after: after, limit: size + 1)
        let shown = Array(records.prefix(size))
        let next = records.count > size ? shown.last?.id.description : nil
        return try page(
            "grants", "Grants", "Who may reach what now, and from where.", LiveTables.grants(shown), next, after != nil,
            all, asked, request, context)
    }

    private func sessions(
        _ asked: AdminRequest, _ request: Request, _ context: KnocknocRequestContext
    ) async throws -> Response {
        let all = request.query["show"] == "all"
        let after = request.query["after"].flatMap { SessionID($0) }
        let records = try await site.access.listSessions(live: !all, after: after, limit: size + 1)
        let shown = Array(records.prefix(size))
        let next = records.count > size ? shown.last?.id.description : nil
        return try page(
            "sessions", "Sessions", "Who is signed in. Ending a session closes everything opened in it.",
            LiveTables.sessions(shown), next, after != nil, all, asked, request, context)
    }

    private func page(
        _ path: String, _ title: String, _ lead: String, _ table: Table, _ next: String?, _ paged: Bool, _ all: Bool,
        _ asked: AdminRequest, _ request: Request, _ context: KnocknocRequestContext
    ) throws -> Response {
        let show = all ? "show=all" : "show=live"
        let root = "/admin/\(path)?\(show)"
        var heading = Heading(title: title, lead: lead)
        heading.other =
            all
            ? Link(href: "/admin/\(path)", label: "Show live only")
            : Link(href: "/admin/\(path)?show=all", label: "Show ended too")
        let pager = ListPage.Pager(
            first: paged ? root : nil, next: next.map { root + "&after=" + $0 }, nextLabel: "Older")
        let page = ListPage(
            frame: site.adminFrame(title, current: path, asked.session, context, notice: request.notice),
            heading: heading, table: table, live: true, pager: pager)
        return try site.renderer.page("list", page)
    }
}
