public import KnocknocModel
import KnocknocSystem

extension Replica {
    /// What a standby's login has as its comment, before the standby's address.
    static let note = "knocker replica: the standby at "
    /// And after it, where `--allow` has let the machine in as a web node too.
    static let nodeMark = " and its web node"

    /// The standbys that a primary keeps a slot for.
    static func known(_ cluster: LocalCluster) async throws -> [String] {
        struct Role: Decodable { var comment: String }
        let roles: [Role] = try await cluster.rows(
            """
            select shobj_description(r.oid, 'pg_authid') as comment
            from pg_roles r join pg_replication_slots s on s.slot_name = r.rolname
            where shobj_description(r.oid, 'pg_authid') like \(try SQLText.literal(note + "%")) order by 1
            """)
        return roles.map { role in
            let host = role.comment.dropFirst(note.count)
            return String(host.hasSuffix(nodeMark) ? host.dropLast(nodeMark.count) : host)
        }
    }

    /// On the primary: takes back what ``allow(_:)`` did.
    public func forget(_ host: IPAddress) async throws -> Outcome {
        let site = try await site()
        let (cluster, name, network) = (site.cluster, Self.name(of: host), CIDR(host))
        return try await SystemFile(cluster.facts.hbaFile).locked {
            guard try await SiteRecord.read(cluster).synchronous != name else {
                throw SystemError(
                    .failed, "every commit waits for \(host); first: sudo knocker replica --asynchronous")
            }
            let role = try await RoleState.read(name, cluster)
            let isOurs = role?.comment == Self.note + "\(host)" + Self.nodeMark
            let node = HbaEntry(database: site.database, role: InstallLayout.owner, network: network)
            let wasNode = try site.entries().contains(node)
            var changed = role != nil
            do {
                // First, since another standby that is promoted lets in whom this says.
                if isOurs {
                    let staying = try site.entries().map(\.network).filter { $0 != network }
                    try await SiteRecord.note(allowed: staying, cluster)
                }
                let hasLines = try await cluster.changeHba(console) { document in
                    document.remove {
                        $0 == HbaEntry(replicationBy: Self.role, network: network) || isOurs && $0 == node
                    }
                } verify: { _ in
                }
                changed = changed || hasLines
                try await drop(name, cluster)
            } catch {
                let known = error as? SystemError ?? SystemError(.failed, "\(error)")
                throw SystemError(
                    known.code,
                    "\(known.message)\n--remove may be half done; what it has taken back stays so. The same command again "
                        + "does the rest")
            }
            var lines = ["\(host) may not follow this database any more."]
            if isOurs, wasNode {
                lines.append(
                    "Nor may it use it as a web node, which --allow had let it. If it stays one: sudo knocker exposedb "
                        + "--add \"\(network)\"")
            } else if wasNode {
                lines.append(
                    "As a web node it may use it still, as exposedb --add has it; to end that too: sudo knocker exposedb "
                        + "--remove \"\(network)\"")
            }
            return Outcome(changed: changed, lines: lines)
        }
    }

    private func drop(_ name: String, _ cluster: LocalCluster) async throws {
        struct Ended: Decodable { var ended: Bool }
        let (login, text) = (try SQLText.identifier(name), try SQLText.literal(name))
        let deadline = ContinuousClock.now + .seconds(10)
        while try await !cluster.rows(
            """
            select pg_terminate_backend(active_pid) as ended from pg_replication_slots
            where slot_name = \(text) and active_pid is not null
            """, as: Ended.self
        ).isEmpty {
            guard ContinuousClock.now < deadline else {
                throw SystemError(.failed, "the connection of \(name) does not end")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        try await cluster.run(
            """
            select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = \(text);
            drop role if exists \(login);
            """)
    }
}
