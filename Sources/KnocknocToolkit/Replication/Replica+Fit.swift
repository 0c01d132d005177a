import KnocknocCertificates
import KnocknocModel
import KnocknocSystem

extension Replica {
    /// Makes a copy of the primary's data one of this machine: its own files where they lie in the data folder, what it
    /// follows, addresses and certificate of its own.
    func fit(_ copy: String, _ string: ReplicationString, _ origin: ReplicaOrigin, _ old: LocalCluster) throws {
        let attributes = SystemFile.Attributes(
            mode: 0o600, owner: old.owner, group: SystemUser.entry(of: old.owner)?.group ?? 0)
        // Debian keeps them elsewhere; a cluster made by initdb, and what restarts it, in the data folder.
        for name in ["postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postmaster.opts"] {
            guard let bytes = try SystemFile("\(old.dataDirectory)/\(name)", followsLinks: false).bytes() else {
                continue
            }
            try SystemFile("\(copy)/\(name)", followsLinks: false).replace(
                with: bytes, attributes: attributes, keepingBackup: false)
        }
        try SystemFile(copy + "/standby.signal", followsLinks: false).replace(
            with: "", attributes: attributes, keepingBackup: false)
        try SystemFile("\(copy)/\(Promotion.markName)", followsLinks: false).remove()
        let file = SystemFile(copy + "/postgresql.auto.conf", followsLinks: false)
        let own = AutoConf(
            try SystemFile(old.dataDirectory + "/postgresql.auto.conf", followsLinks: false).text() ?? "")
        var settings = AutoConf(try file.text() ?? "")
        settings["primary_conninfo"] =
            string.connection() + " password=" + ReplicationString.quoted(string.password)
        settings["primary_slot_name"] = string.slot
        settings["port"] = own["port"]
        // On a primary of one machine it would keep every commit waiting.
        settings["synchronous_standby_names"] = nil
        if let listen = settings["listen_addresses"] { settings["listen_addresses"] = listening(listen) }
        for (name, value) in origin.minimums.sorted(by: { $0.key < $1.key }) {
            // A standby with less than its primary does not start.
            settings[name] = value
        }
        if let certificate = settings["ssl_cert_file"], let key = settings["ssl_key_file"],
            !certificate.contains("/"), !key.contains("/")
        {
            let made = try SelfSignedCertificate(names: [try ownHost()])
            for (name, text) in [(certificate, made.certificate), (key, made.key)] {
                try SystemFile("\(copy)/\(name)", followsLinks: false).replace(
                    with: text, attributes: attributes, keepingBackup: false)
            }
        }
        try file.replace(with: settings.text, attributes: attributes, keepingBackup: false)
    }

    /// The primary's addresses, with this machine's in their place.
    private func listening(_ text: String) -> String {
        let words = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
        let own = words.flatMap { word -> [String] in
            guard let address = IPAddress(word), !OwnAddresses.contains(address) else { return [word] }
            return OwnAddresses.outward().map { ["\($0)"] } ?? []
        }
        var seen: Set<String> = []
        return own.filter { seen.insert($0).inserted }.joined(separator: ",")
    }

    /// Lets no web node in, until ``letInAsRecorded(_:_:)``, also by lines that are not ours, and ends the connections of
    /// those that are in.
    static func keepOut(_ cluster: LocalCluster, _ console: any Console) async throws {
        _ = try await cluster.changeHba(console) { document in
            document.remove { $0.database == cluster.database && !$0.isReplication }
            document.refuse(cluster.database, role: InstallLayout.owner)
        } verify: { _ in
        }
        try await endConnections(cluster)
    }

    /// Ends what nodes have open at the site's database.
    static func endConnections(_ cluster: LocalCluster) async throws {
        struct Ended: Decodable { var ended: Bool }
        let _: [Ended] = try await cluster.rows(
            """
            select pg_terminate_backend(pid) as ended from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
                and (client_addr is not null or usesysid in (select oid from pg_roles where not rolsuper))
            """)
    }

    /// Lets in here whoever the primary lets in.
    ///
    /// - Returns: those networks.
    @discardableResult
    static func letInAsRecorded(_ cluster: LocalCluster, _ console: any Console) async throws -> [CIDR] {
        let networks = try await SiteRecord.read(cluster).allowed
        _ = try await cluster.changeHba(console) { document in
            document.admit()
            document.remove { $0.database == cluster.database && !$0.isReplication && !networks.contains($0.network) }
            for network in networks {
                document.add(HbaEntry(database: cluster.database, role: InstallLayout.owner, network: network))
            }
        } verify: { _ in
        }
        return networks
    }
}
