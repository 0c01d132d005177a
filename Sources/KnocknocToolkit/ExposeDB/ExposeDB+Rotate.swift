import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    /// A second login beside the first; asked again, it drops the first once no session uses it. A login whose password
    /// nobody was shown, since a command ended before, gets another one.
    func rotatePassword(_ site: ExposedSite) async throws -> Outcome {
        let logins = try await site.logins()
        guard let current = logins.last else {
            throw SystemError(.failed, "the database is not exposed yet; do that first: sudo knocker exposedb --init")
        }
        let old = Array(logins.dropLast())
        let isLost = !current.isShown && current.sessions.isEmpty
        var outcome: Outcome
        if isLost || options.isRenewed {
            outcome = try await renew(site, current, isLost: isLost)
        } else if !old.isEmpty {
            outcome = try await finishRotation(site, old, current)
        } else {
            outcome = try await beginRotation(site, current)
        }
        // What is made is shown, whatever comes now.
        for login in try await Interruption.held({ try await site.ownLogins() }) {
            outcome.lines.append(
                "\(login.name), of a database machine's own web node, stays as it is; on that machine: sudo knocker "
                    + "replica --follow HOSTS --renew")
        }
        return outcome
    }

    private func beginRotation(_ site: ExposedSite, _ current: NodeLogin) async throws -> Outcome {
        let login = try await NodeLogin.newName(site.cluster)
        var outcome = Outcome("rotate-password", site, changed: !options.isDryRun)
        if options.isDryRun {
            outcome.lines = ["The login \(login) would be made beside \(current.name), which goes on."]
            return outcome
        }
        let string = try await string(login, site)
        try await Undoing.run(console) { steps in
            try await makeLogin(string, site, &steps)
            outcome.logins = loginFields(try await site.logins())
        }
        (outcome.connectionString, outcome.newLogin) = (string.text, login)
        let users = current.sessions.filter { $0.address != "local" }.map(\.shown)
        outcome.lines = [
            "The new connection string, shown this once. The old one works until you end it:",
            "",
            string.text,
            "",
            "1. New nodes: give this string to option 3 of the installer.",
            "2. Nodes that run: put it into /opt/knocknoc/etc/knocknoc.conf as DatabaseURL"
                + (string.key == nil ? "" : " (without &knocknoc_key=… where encryption.key lies beside that file)")
                + ", then: sudo systemctl reload knocknoc"
                + (users.isEmpty ? "" : " (now using the old one: \(users.joined(separator: ", ")))"),
            "3. Then here again: sudo knocker exposedb --rotate-password. It drops \(current.name), unless a session "
                + "still uses it; --status shows which.",
        ]
        return outcome
    }

    /// Another password for the newest login; those before it go on.
    private func renew(_ site: ExposedSite, _ login: NodeLogin, isLost: Bool) async throws -> Outcome {
        guard login.sessions.isEmpty || options.isForced else {
            throw SystemError(
                .failed,
                "\(login.name) is in use, by \(login.sessions.map(\.shown).joined(separator: ", ")): its string is known "
                    + "there. --rotate-password without --renew makes a new one beside it; --force takes this one's "
                    + "password away all the same. Nothing is changed")
        }
        var outcome = Outcome("rotate-password", site, changed: !options.isDryRun)
        if options.isDryRun {
            outcome.lines = ["The login \(login.name) would get another password."]
            return outcome
        }
        let string = try await string(login.name, site)
        try await Undoing.run(console) { steps in
            try await givePassword(string, site, &steps)
            outcome.logins = loginFields(try await site.logins())
        }
        // Whoever came in with the old password is out.
        try await site.cluster.run(NodeLogin.ending(login.name))
        (outcome.connectionString, outcome.newLogin) = (string.text, login.name)
        outcome.lines = [
            isLost
                ? "\(login.name) was made by a command that ended before it showed the string. It has another password "
                    + "now; its connection string, shown this once:"
                : "\(login.name) has another password now, and the string from before works no more. The new one, shown "
                    + "this once:",
            "",
            string.text,
        ]
        return outcome
    }

    func string(_ login: String, _ site: ExposedSite) async throws -> ConnectionString {
        ConnectionString(
            login: login, password: ConnectionString.newPassword(), host: try await ListeningPlan(site, options).host,
            port: site.cluster.port, database: site.database,
            key: options.isPlain ? nil : try site.settings.key(layout), isPlain: options.isPlain)
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
                    + "nodes the string with \(current.name), then try again; --force ends their sessions. Where that "
                    + "string is lost, --rotate-password --renew makes another. Nothing is changed")
        }
        var outcome = Outcome("rotate-password", site, changed: !options.isDryRun)
        let names = old.map(\.name).joined(separator: ", ")
        if options.isDryRun {
            outcome.lines = ["\(names) would be dropped; \(current.name) stays."]
            return outcome
        }
        for login in old {
            try Interruption.check()
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
