public import KnocknocModel
import KnocknocStore
import KnocknocSystem

extension Replica {
    private struct Slot: Decodable {
        var active: Bool
        var used: Bool
    }

    /// On the primary: lets one machine copy and follow the database.
    ///
    /// - Returns: the string for that machine; none where it has one already.
    public func allow(_ host: IPAddress) async throws -> Outcome {
        let site = try await site()
        let cluster = site.cluster
        return try await SystemFile(cluster.facts.hbaFile).locked {
            try await check(site)
            let name = Self.name(of: host)
            let slots: [Slot] = try await cluster.rows(
                """
                select active, restart_lsn is not null as used from pg_replication_slots
                where slot_name = \(try SQLText.literal(name))
                """)
            let isKnown = slots.contains { $0.used } && !options.isRenewed
            let own = try ownHost()
            let string = ReplicationString(
                host: own, port: cluster.port, login: name, password: ConnectionString.newPassword(), slot: name,
                database: site.database)
            var outcome = Outcome()
            outcome.changed = try await Undoing.run(console) { steps in
                if !isKnown { try await makeLogin(string, host, hadSlot: !slots.isEmpty, site, &steps) }
                let isBounded = try await boundSlots(cluster, &steps)
                let hasLines = try await letIn(host, own, name, site, &steps)
                return !isKnown || isBounded || hasLines
            }
            if isKnown {
                outcome.lines = [
                    "\(host) may follow this database already"
                        + (slots.contains { $0.active }
                            ? " and does so now." : "; it is not connected at this moment."),
                    "Its string was shown when it was made. A new one, which ends the old one: --renew",
                ]
            } else {
                outcome.replicationString = try string.text
                outcome.lines = allowLines(try string.text, site, own, host)
            }
            return outcome
        }
    }

    private func check(_ site: ExposedSite) async throws {
        let names = ["listen_addresses", "ssl", "wal_level", "max_wal_senders", "max_replication_slots"]
        let settings = try await site.cluster.settings(names)
        let logins = try await site.logins()
        let listens = (settings["listen_addresses"]?.setting ?? "").split(separator: ",").contains { word in
            let word = word.filter { $0 != " " }
            return word != "localhost" && !(IPAddress(word)?.isLoopback ?? false)
        }
        // A test's hosts have loopback only, and say so.
        let isLoopback = options.advertise.flatMap(IPAddress.init)?.isLoopback ?? false
        guard !logins.isEmpty, listens || isLoopback, settings["ssl"]?.setting == "on" else {
            throw SystemError(
                .failed,
                "the database is not exposed yet, so no other machine can reach it; first: sudo knocker exposedb --init"
            )
        }
        for (name, bad) in [("wal_level", "minimal"), ("max_wal_senders", "0"), ("max_replication_slots", "0")]
        where settings[name]?.setting == bad {
            throw SystemError(
                .failed,
                "\(site.cluster.name) has \(name) = \(bad), with which nobody can follow it. As the superuser: alter system "
                    + "reset \(name); then restart it")
        }
    }

    private func makeLogin(
        _ string: ReplicationString, _ host: IPAddress, hadSlot: Bool, _ site: ExposedSite, _ steps: inout Undoing
    ) async throws {
        let cluster = site.cluster
        let before = try await RoleState.read(string.login, cluster)
        // Whoever was a web node before stays one when the standby goes.
        let isNode = try site.entries().contains { $0.network == CIDR(host) }
        let marksNode = !isNode || before?.comment?.hasSuffix(Self.nodeMark) ?? false
        let note = Self.note + "\(host)" + (marksNode ? Self.nodeMark : "")
        let (login, text) = (try SQLText.identifier(string.login), try SQLText.literal(string.login))
        let verifier = try PostgresVerifier.scram(password: string.password, login: string.login)
        let making = SQLText.block(
            """
            begin
                if not exists (select from pg_roles where rolname = \(try SQLText.literal(Self.role))) then
                    create role \(Self.role) nologin;
                end if;
                if not exists (select from pg_roles where rolname = \(text)) then
                    create role \(login);
                end if;
            end
            """)
        try await steps.step("Making the login and the slot \(string.login)") {
            _ = try await cluster.run(
                """
                \(SQLText.quiet)
                begin;
                \(making)
                alter role \(login) login replication connection limit 6 password \(try SQLText.literal(verifier));
                comment on role \(login) is \(try SQLText.literal(note));
                grant \(Self.role) to \(login);
                commit;
                select pg_create_physical_replication_slot(\(text))
                where not exists (select from pg_replication_slots where slot_name = \(text));
                """)
        } undo: {
            if !hadSlot {
                try await cluster.run(
                    """
                    select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = \(text);
                    """)
            }
            if let before {
                try await before.restore(cluster)
            } else {
                try await cluster.run("drop role if exists \(login);")
            }
        }
    }

    /// A standby that is gone for good must not fill the primary's disk with what it has not fetched.
    private func boundSlots(_ cluster: LocalCluster, _ steps: inout Undoing) async throws -> Bool {
        // The setting came with PostgreSQL 13.
        guard let setting = try await cluster.settings(["max_slot_wal_keep_size"])["max_slot_wal_keep_size"],
            setting.setting == "-1", !setting.isFromCommandLine
        else { return false }
        try await steps.step("Setting max_slot_wal_keep_size to 8GB: what a standby that is away may hold back") {
            try await cluster.alterSystem([("max_slot_wal_keep_size", "8GB")])
            try await cluster.reload()
        } undo: {
            try await cluster.alterSystem([("max_slot_wal_keep_size", nil)])
            try await cluster.reload()
        }
        return true
    }

    /// The standby as such, and both machines as web nodes: after a failover either is the other's client.
    private func letIn(_ host: IPAddress, _ own: String, _ login: String, _ site: ExposedSite, _ steps: inout Undoing)
        async throws -> Bool
    {
        let network = CIDR(host)
        let nodes = ([network] + OwnAddresses.resolve(own).prefix(1).map { CIDR($0) })
        let wanted =
            [HbaEntry(replicationBy: Self.role, network: network)]
            + nodes.map { HbaEntry(database: site.database, role: InstallLayout.owner, network: $0) }
        let known = try site.cluster.hbaDocument().document.contents
        let new = Set(wanted.filter { !known.contains(.entry($0)) })
        let (allowed, console) = (try await SiteRecord.read(site.cluster).allowed, console)
        return try await steps.step("Letting \(host) in") {
            let changed = try await addLines(wanted, login, network, site)
            try await SiteRecord.note(allowed: try site.entries().map(\.network), site.cluster)
            return changed
        } undo: {
            try await SiteRecord.note(allowed: allowed, site.cluster)
            _ = try await site.cluster.changeHba(console) { document in
                document.remove { new.contains($0) }
            } verify: { _ in
            }
        }
    }

    private func addLines(
        _ entries: [HbaEntry], _ login: String, _ network: CIDR, _ site: ExposedSite
    ) async throws -> Bool {
        try await site.cluster.changeHba(console) { document in
            for entry in entries { document.add(entry) }
        } verify: { rules in
            // "all" is every database, and replication is none.
            let rules = rules.filter { $0.database?.contains("replication") ?? false }
            let guest = HbaVerdict.Guest(database: "replication", login: login, roles: [login, Self.role])
            let verdict = HbaVerdict(network, guest, rules, own: OwnAddresses.networks())
            guard verdict.isAllowed else {
                throw SystemError(
                    .failed,
                    verdict.sentences(file: site.cluster.facts.hbaFile).joined(separator: "\n")
                        + "\nThat line stands before ours and is yours to change; nothing is changed")
            }
        }
    }

    private func allowLines(_ string: String, _ site: ExposedSite, _ own: String, _ host: IPAddress) -> [String] {
        [
            "\(host) may copy and follow the database \"\(site.database)\".",
            "",
            "Replication string, for that machine only. It holds a password, and is shown this once:",
            "",
            string,
            "",
            "There, which replaces the data of its own PostgreSQL \(site.cluster.majorVersion) (it is kept aside):",
            "  sudo knocker replica --init",
        ] + NodeAdvice.lines(hosts: [own, host.description], port: site.cluster.port, database: site.database)
    }
}
