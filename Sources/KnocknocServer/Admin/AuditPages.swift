import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// The audit, newest first.
struct AuditPages {
    let site: Site

    func add(to router: KnocknocRouter) {
        router.get("admin/audit") { request, context in
            try await site.adminPage(request, context) { asked in
                let size = 50
                let after = request.query["after"].flatMap { AuditID($0) }
                let records = try await site.access.listAudit(after: after, limit: size + 1)
                let shown = Array(records.prefix(size))
                let older = records.count > size ? shown.last.map { "/admin/audit?after=\($0.id)" } : nil
                let page = ListPage(
                    frame: site.adminFrame("Audit", current: "audit", asked.session, context),
                    heading: Heading(title: "Audit", lead: "Who did what to what, and from where. Newest first."),
                    table: AuditTable.table(shown),
                    pager: ListPage.Pager(
                        first: after.map { _ in "/admin/audit" }, next: older, nextLabel: "Older"))
                return try site.renderer.page("list", page)
            }
        }
    }
}
