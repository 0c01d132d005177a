import KnocknocSystem

extension ExposeDB {
    /// A second login beside the first; asked again, it drops the first once no session uses it.
    func rotatePassword(_ site: ExposedSite) async throws -> Outcome {
        let logins = try await site.logins()
        guard let current = logins.last else {
            throw SystemError(.failed, "the database is not exposed yet; do that first: sudo knocker exposedb --init")
        }
        let old = logins.dropLast()
        if !old.isEmpty { return try await finishRotation(site, Array(old), current) }
        let listening = try await ListeningPlan(site, options)
        let key = options.isPlain ? nil : try SiteKey.find(site.settings, layout)
        let login = try await NodeLogin.newName(site.cluster)
        var outcome = Outcome("rotate-password", site, changed: !options.isDryRun)
        if options.isDryRun {
            outcome.lines = ["The login \(login) would be made beside \(current.name), which goes on."]
            return outcome
        }
        let string = ConnectionString(
            login: login, password: Base64URL.random(), host: listening.host, port: site.cluster.port,
            database: site.database, key: key, isPlain: options.isPlain)
        console.note("Making the login \(login)")
        try await make(string, site)
        outcome.connectionString = string.text
        outcome.logins = loginFields(try await site.logins())
        let users = current.sessions.filter { $0.address != "local" }.map(\.shown)
        outcome.lines = [
            "The new connection string, shown this once. The old one works until you end it:",
            "",
            string.text,
            "",
            "1. New nodes: give this string to option 3 of the installer.",
            "2. Nodes that run: put it into /opt/knocknoc/etc/knocknoc.conf as DatabaseURL, then: sudo systemctl reload knocknoc"
                + (users.isEmpty ? "" : " (now using the old one: \(users.joined(separator: ", ")))"),
            "3. Then here again: sudo knocker exposedb --rotate-password. It drops \(current.name), unless a session "
                + "still uses it; --status shows which.",
        ]
        return outcome
    }

    private func finishRotation(
        _ site: ExposedSite, _ old: [NodeLogin], _ current: NodeLogin
    ) async throws -> Outcome {
        let used = old.filter { !$0.sessions.isEmpty }
        guard used.isEmpty || options.isForced else {
            let who = used.map { "\($0.name): \($0.sessions.map(\.shown).joined(separator: ", "))" }
            throw SystemError(
                .failed,
                "the last rotation is not finished, the old login is in use: \(who.joined(separator: "; "))\nGive those "
                    + "nodes the string with \(current.name), then try again; --force ends their sessions. Nothing is "
                    + "changed")
        }
        var outcome = Outcome("rotate-password", site, changed: !options.isDryRun)
        let names = old.map(\.name).joined(separator: ", ")
        if options.isDryRun {
            outcome.lines = ["\(names) would be dropped; \(current.name) stays."]
            return outcome
        }
        for login in old {
            console.note("Dropping the login \(login.name)")
            try await site.cluster.run(NodeLogin.dropping(login.name))
        }
        outcome.logins = loginFields(try await site.logins())
        outcome.lines = [
            "The rotation is finished: \(names) is dropped, \(current.name) stays.",
            "If its string is lost, ask once more for a new one: sudo knocker exposedb --rotate-password",
        ]
        return outcome
    }
}
