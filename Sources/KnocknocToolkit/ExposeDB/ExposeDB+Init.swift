import KnocknocModel
import KnocknocStore
import KnocknocSystem

extension ExposeDB {
    func initialize(_ site: ExposedSite) async throws -> Outcome {
        let cluster = site.cluster
        let logins = try await site.logins()
        let listening = try await ListeningPlan(site, options)
        guard try await Ownership.owner(cluster) != nil else {
            throw SystemError(
                .invalid,
                "the database \"\(site.database)\" holds no Knocknoc yet: start the server once, or run knocknoc migrate"
            )
        }
        let key = options.isPlain ? nil : try site.settings.key(layout)
        if options.isDryRun { return try await previewInit(site, listening, isKnown: !logins.isEmpty) }
        // Before anything is restarted: what cannot be done at the end is not begun.
        try await cluster.run(
            "begin;\n" + (try Ownership.settling(database: site.database, user: site.user)) + "rollback;")
        var outcome = Outcome("init", site, changed: false)
        outcome.changed = try await Undoing.run(console) { steps in
            let hasListened = try await listening.carryOut(cluster, &steps)
            let unshown = logins.count == 1 ? logins.first { !$0.isShown && $0.sessions.isEmpty } : nil
            guard logins.isEmpty || unshown != nil else { return hasListened }
            let login = if let unshown { unshown.name } else { try await NodeLogin.newName(cluster) }
            let string = ConnectionString(
                login: login, password: ConnectionString.newPassword(), host: listening.host, port: cluster.port,
                database: site.database, key: key, isPlain: options.isPlain)
            if unshown != nil {
                try await givePassword(string, site, &steps)
            } else {
                try await makeLogin(string, site, &steps)
            }
            (outcome.connectionString, outcome.newLogin) = (string.text, login)
            return true
        }
        // It is done: a signal now must not keep the string from being shown.
        return try await Interruption.held {
            outcome.cluster = try await clusterFields(site)
            outcome.exposed = true
            outcome.networks = try await networkFields(try site.entries(), site)
            outcome.lines = initLines(outcome, listening)
            return outcome
        }
    }

    /// Settles the rights and makes the login, both or neither.
    func makeLogin(_ string: ConnectionString, _ site: ExposedSite, _ steps: inout Undoing) async throws {
        let verifier = try PostgresVerifier.scram(password: string.password, login: string.login)
        try await steps.step("Making the login \(string.login)") {
            _ = try await site.cluster.run(
                """
                \(SQLText.quiet)
                begin;
                \(try Ownership.settling(database: site.database, user: site.user))
                \(try NodeLogin.making(string.login, verifier: verifier, database: site.database))
                commit;
                """)
        } undo: {
            guard try await RoleState.read(string.login, site.cluster) != nil else { return }
            try await site.cluster.run(NodeLogin.dropping(string.login))
        }
    }

    /// Gives a login that is there another password.
    func givePassword(_ string: ConnectionString, _ site: ExposedSite, _ steps: inout Undoing) async throws {
        let verifier = try PostgresVerifier.scram(password: string.password, login: string.login)
        let before = try await RoleState.read(string.login, site.cluster)
        try await steps.step("Giving the login \(string.login) another password") {
            _ = try await site.cluster.run(
                """
                \(SQLText.quiet)
                begin;
                \(try NodeLogin.renewing(string.login, verifier: verifier, database: site.database))
                commit;
                """)
        } undo: {
            try await before?.restore(site.cluster)
        }
    }

    private func initLines(_ outcome: Outcome, _ listening: ListeningPlan) -> [String] {
        guard let string = outcome.connectionString else {
            return [
                outcome.changed
                    ? "The database \"\(outcome.database)\" was exposed in part; now it is in whole."
                    : "The database \"\(outcome.database)\" is exposed already; nothing changed.",
                "Its connection string was shown when it was made, and no password is kept that could be shown again.",
                "A new one, while the old one goes on: sudo knocker exposedb --rotate-password",
            ]
        }
        var lines = [
            "The database \"\(outcome.database)\" listens on \(outcome.cluster?.listenAddresses ?? ""), port "
                + "\(outcome.cluster?.port ?? 0), with TLS.",
            "",
            "Connection string for the other web nodes (option 3 of the installer). It holds a password"
                + (string.contains("knocknoc_key=") ? " and the site's key" : "") + ", and is shown this once:",
            "",
            string,
            "",
        ]
        if options.advertise == nil {
            lines.append("The others reach this machine as \(listening.host)? If not, put what they use in its place.")
        }
        if !options.isPlain, !string.contains("knocknoc_key=") {
            lines.append("This site has no EncryptionKey, so the string carries none.")
        }
        if outcome.networks?.isEmpty ?? true {
            lines += [
                "No address may use it yet. Allow each web node by its own:",
                "  sudo knocker exposedb --add \"203.0.113.7/32\"",
            ]
        }
        return lines
    }

    private func previewInit(_ site: ExposedSite, _ listening: ListeningPlan, isKnown: Bool) async throws -> Outcome {
        var outcome = Outcome("init", site, changed: false)
        let old = try site.cluster.autoConf.text() ?? ""
        var new = AutoConf(old)
        for (name, value) in listening.values { new[name] = value }
        outcome.differences = [difference(Array(old.utf8), Array(new.text.utf8), site.cluster.autoConf.path)]
            .filter { !$0.isEmpty }
        outcome.lines = outcome.differences ?? []
        if listening.makesCertificate {
            outcome.lines.append("A certificate would be made for \(listening.host), in \(site.cluster.dataDirectory).")
        }
        if listening.needsRestart {
            let keeper = try await site.cluster.keeper().name
            outcome.lines.append("\(site.cluster.name) would be restarted: \(keeper)")
        }
        if !isKnown {
            outcome.lines += [
                "A login for the other nodes would be made, and its connection string shown. As the superuser:",
                try Ownership.settling(database: site.database, user: site.user),
                try NodeLogin.making("knocknoc_node_N", verifier: "SCRAM-SHA-256$…", database: site.database),
            ]
        }
        if outcome.lines.isEmpty { outcome.lines = ["nothing would change"] }
        return outcome
    }
}
