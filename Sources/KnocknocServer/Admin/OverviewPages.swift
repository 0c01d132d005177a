import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// `/admin`.
struct OverviewPages {
    let site: Site

    func add(to router: KnocknocRouter) {
        router.get("admin") { request, context in
            try await site.adminPage(request, context) { asked in
                let agents = AgentResource(access: site.access)
                let (columns, rows) = try await agents.table(try await agents.list(after: nil, limit: 8))
                var page = OverviewPage(
                    frame: site.adminFrame("Overview", current: "", asked.session, context, notice: request.notice),
                    numbers: try await site.access.dashboard(),
                    grants: LiveTables.grants(try await site.access.listGrants(live: true, limit: 8)),
                    agents: Table(
                        "Agents", columns: columns, rows: rows,
                        empty: Table.Empty(icon: "agent", title: "No agents yet", text: "")),
                    audit: AuditTable.table(try await site.access.listAudit(limit: 8)))
                let rule = site.live.addressRule
                page.forwarders = try await site.access.untrustedProxies().filter { !rule.trusts($0) }.map { peer in
                    OverviewPage.Forwarder(peer: peer.description, line: rule.line(trusting: peer))
                }
                return try site.renderer.page("dashboard", page)
            }
        }
    }
}
