import KnocknocModel
import KnocknocStore
public import KnocknocSystem

extension Replica {
    /// - Throws: ``SystemError`` `invalid` where these are no hosts to ``follow(_:)``.
    public static func check(hosts: String) throws(SystemError) {
        _ = try DatabaseHosts.replace(in: "postgres://knocknoc@localhost/knocknoc", by: hosts)
    }

    /// On a web node: names these hosts in `DatabaseURL`, so that the node goes on by itself when the primary moves.
    ///
    /// A node that came by the primary's socket gets a login of its own, and another password for it where that is to be
    /// renewed.
    ///
    /// - Parameter hosts: `HOST:PORT`, several with commas between.
    public func follow(_ hosts: String) async throws -> Outcome {
        try Superuser.require("changes the server's configuration")
        let path = options.configuration ?? layout.configuration
        let file = SystemFile(path)
        return try await file.locked {
            guard let text = try file.text() else {
                throw SystemError(.missing, "there is no \(path): this machine runs no web node")
            }
            let settings = try SiteSettings(file: path, url: nil)
            guard settings.database.engine == .postgres else {
                throw SystemError(.invalid, "this node's database is SQLite, which has no second host")
            }
            let old = try Self.line(of: text)
            let isOwn = try needsOwnLogin(settings.database)
            return try await Undoing.run(console) { steps in
                let new =
                    isOwn
                    ? try await ownLogin(hosts, &steps) : try DatabaseHosts.replace(in: old.value, by: hosts)
                guard new != old.value else {
                    return Outcome(lines: ["DatabaseURL names these hosts already; nothing changed."])
                }
                try await check(new)
                var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                lines[old.line - 1] = "DatabaseURL = \(new)"
                let changed = lines.joined(separator: "\n")
                let service = try await runningService()
                if let service {
                    try await steps.step("Looking at \(service.name): it runs") {
                    } undo: {
                        // After the file is back, and before a login goes.
                        try await service.restart()
                    }
                }
                try await steps.step("Writing \(path)") {
                    try file.replace(with: changed)
                } undo: {
                    try file.replace(with: text, keepingBackup: false)
                }
                if let service {
                    try await steps.step("Restarting \(service.name)") {
                        try await service.restart()
                    } undo: {
                    }
                }
                return Outcome(changed: true, lines: ["DatabaseURL in \(path) names \(hosts) now."])
            }
        }
    }

    private static func line(of text: String) throws -> ConfigurationFile.Line {
        let file = ConfigurationFile.read(text, name: "").file
        guard let line = file.lines.first(where: { $0.key == "DatabaseURL" }) else {
            throw SystemError(.invalid, "the configuration has no DatabaseURL")
        }
        return line
    }

    private func needsOwnLogin(_ url: DatabaseURL) throws -> Bool {
        let places = try url.places()
        if places.contains(where: \.isSocket) { return true }
        guard options.isRenewed else { return false }
        guard let user = places.first?.user, user.hasPrefix(NodeLogin.ownPrefix) else {
            throw SystemError(
                .invalid,
                "this node has the login that all share; another password for it: sudo knocker exposedb "
                    + "--rotate-password, on the primary")
        }
        return true
    }

    /// The primary's own node comes over the Unix socket without a password; over the network it needs one.
    private func ownLogin(_ hosts: String, _ steps: inout Undoing) async throws -> String {
        let site = try await site()
        let cluster = site.cluster
        let host = try ownHost()
        let name =
            NodeLogin.ownPrefix + host.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined().lowercased()
        let password = ConnectionString.newPassword()
        let verifier = try PostgresVerifier.scram(password: password, login: name)
        let (login, text) = (try SQLText.identifier(name), try SQLText.literal(name))
        let (owner, place) = (try SQLText.identifier(InstallLayout.owner), try SQLText.identifier(site.database))
        let making = SQLText.block(
            """
            begin
                if not exists (select from pg_roles where rolname = \(text)) then create role \(login); end if;
            end
            """)
        let before = try await RoleState.read(name, cluster)
        let title = before == nil ? "Making the login \(name)" : "Giving the login \(name) another password"
        try await steps.step(title + ", since a password is needed over the network") {
            _ = try await cluster.run(
                """
                \(SQLText.quiet)
                begin;
                \(making)
                alter role \(login) login password \(try SQLText.literal(verifier));
                comment on role \(login) is \(try SQLText.literal(NodeLogin.ownNote(site.database)));
                grant \(owner) to \(login);
                alter role \(login) in database \(place) set role = \(owner);
                alter role \(login) in database \(place) set search_path = \(InstallLayout.schema);
                commit;
                """)
        } undo: {
            if let before { return try await before.restore(cluster) }
            guard try await RoleState.read(name, cluster) != nil else { return }
            try await cluster.run(NodeLogin.dropping(name))
        }
        try await letOwnIn(host, site, &steps)
        let base =
            "postgres://\(URLText.encoded(name)):\(password)@HOST/\(URLText.encoded(site.database))"
            + "?sslmode=require&channel_binding=require"
        return try DatabaseHosts.replace(in: base, by: hosts)
    }

    /// Over the network this machine's node is a guest like the others.
    private func letOwnIn(_ host: String, _ site: ExposedSite, _ steps: inout Undoing) async throws {
        let known = try site.entries()
        let new = OwnAddresses.resolve(host).prefix(1).map { address in
            HbaEntry(database: site.database, role: InstallLayout.owner, network: CIDR(address))
        }.filter { !known.contains($0) }
        guard !new.isEmpty else { return }
        let (allowed, console) = (try await SiteRecord.read(site.cluster).allowed, console)
        let lock = SystemFile(site.cluster.facts.hbaFile)
        try await steps.step("Letting \(host) in") {
            try await lock.locked {
                _ = try await site.cluster.changeHba(console) { document in
                    for entry in new { document.add(entry) }
                } verify: { _ in
                }
                try await SiteRecord.note(allowed: try site.entries().map(\.network), site.cluster)
            }
        } undo: {
            try await lock.locked {
                try await SiteRecord.note(allowed: allowed, site.cluster)
                _ = try await site.cluster.changeHba(console) { document in
                    document.remove { new.contains($0) }
                } verify: { _ in
                }
            }
        }
    }

    /// At least one of the hosts has to let us in and take writes.
    private func check(_ url: String) async throws {
        let hosts = try await PostgresSurvey.take(DatabaseURL(url))
        for host in hosts where host.role == .away {
            console.note("\(host.name) does not let us in at this moment: \(host.problem ?? "no answer")")
        }
        guard hosts.contains(where: { $0.role == .primary }) else {
            throw SystemError(.failed, "none of these hosts is a primary that lets this machine in; nothing is changed")
        }
    }

    private func runningService() async throws -> SystemdUnit? {
        let unit = SystemdUnit(InstallLayout.unit)
        guard layout.root.isEmpty, SystemdUnit.isHere else { return nil }
        return try await unit.isActive() ? unit : nil
    }
}
