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
                "the database \"\(site.database)\" holds no Knocknoc yet: start the server once, or run knocknoc migrate")
        }
        let key = options.isPlain ? nil : try SiteKey.find(site.settings, layout)
        if options.isDryRun { return try await previewInit(site, listening, isKnown: !logins.isEmpty) }
        // Before anything is restarted: what cannot be done at the end is not begun.
        try await cluster.run(
            "begin;\n" + (try Ownership.settling(database: site.database, user: site.user)) + "rollback;")
        var outcome = Outcome("init", site, changed: false)
        outcome.changed = try await Undoing.run(console) { steps in
            let hasListened = try await listening.carryOut(cluster, &steps)
            guard logins.isEmpty else { return hasListened }
            let login = try await NodeLogin.newName(cluster)
            let string = ConnectionString(
                login: login, password: Base64URL.random(), host: listening.host, port: cluster.port,
                database: site.database, key: key, isPlain: options.isPlain)
            try await steps.step("Making the login \(login)") { try await make(string, site) }
            outcome.connectionString = string.text
            return true
        }
        outcome.cluster = try await clusterFields(site)
        outcome.exposed = true
        outcome.networks = try await networkFields(try site.entries(), site)
        outcome.lines = initLines(outcome, listening)
        return outcome
    }

    /// Settles the rights and makes the login, both or neither.
    func make(_ string: ConnectionString, _ site: ExposedSite) async throws {
        let verifier = try PostgresVerifier.scram(password: string.password, login: string.login)
        try await site.cluster.run(
            """
            set log_statement = none; set log_min_duration_statement = -1; set log_min_error_statement = panic;
            begin;
            \(try Ownership.settling(database: site.database, user: site.user))
            \(try NodeLogin.making(string.login, verifier: verifier, database: site.database))
            commit;
            """)
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
        outcome.differences = [LineDiff.unified(old, new.text, name: site.cluster.autoConf.path)].filter { !$0.isEmpty }
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
