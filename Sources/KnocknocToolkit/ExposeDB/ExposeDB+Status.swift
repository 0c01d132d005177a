import KnocknocSystem

extension ExposeDB {
    func status(_ site: ExposedSite) async throws -> Outcome {
        let logins = try await site.logins()
        var outcome = Outcome("status", site, changed: false)
        let cluster = try await clusterFields(site)
        let networks = try await allowedFields(site)
        // Under Patroni all nodes may use the login of the first one.
        let isExposed = !logins.isEmpty || networks.contains(where: \.allowed)
        outcome.cluster = cluster
        outcome.exposed = isExposed
        outcome.networks = networks
        let own = try await site.ownLogins()
        outcome.logins = loginFields(logins)
        outcome.lines = [
            "database   \(site.database), PostgreSQL \(cluster.version), data in \(cluster.dataDirectory)",
            "listening  \(cluster.listenAddresses.isEmpty ? "on no address" : cluster.listenAddresses), "
                + "port \(cluster.port), TLS \(cluster.tls ? "on" : "off")",
            "exposed    \(isExposed ? "yes" : "no; knocker exposedb --init does it")",
        ]
        for network in networks {
            let reason = network.decidedBy.joined(separator: "; ")
            let doubt = network.uncertain ? " unless another line decides first" : ""
            outcome.lines.append(
                "allowed    \(network.network)" + (network.allowed ? doubt : " BUT IT DOES NOT GET IN"))
            if !network.allowed || network.decidedBy.count > 1 { outcome.lines.append("           \(reason)") }
        }
        if networks.isEmpty { outcome.lines.append("allowed    nobody from another machine; --add allows an address") }
        for login in outcome.logins ?? [] {
            let use = login.sessions.isEmpty ? "no session" : login.sessions.joined(separator: ", ")
            outcome.lines.append(
                "login      \(login.name)\(login.current ? "" : " (from before the rotation)"): \(use)")
        }
        if let newest = logins.last, !newest.isShown, newest.sessions.isEmpty {
            outcome.lines.append(
                "           the string of \(newest.name) was not shown; --rotate-password gives it another password")
        }
        for login in own {
            let use = login.sessions.isEmpty ? "no session" : login.sessions.map(\.shown).joined(separator: ", ")
            outcome.lines.append("login      \(login.name) (a database machine's own web node): \(use)")
        }
        if let old = outcome.logins?.first(where: { !$0.current }) {
            outcome.lines.append(
                old.sessions.isEmpty
                    ? "No session uses \(old.name) any more; --rotate-password drops it."
                    : "\(old.name) is still used; give those nodes the new string, then --rotate-password drops it.")
        }
        return outcome
    }

    func loginFields(_ logins: [NodeLogin]) -> [Outcome.Login] {
        logins.map { login in
            Outcome.Login(
                name: login.name, current: login.name == logins.last?.name, sessions: login.sessions.map(\.shown))
        }
    }
}
