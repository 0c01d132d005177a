import KnocknocCertificates
import KnocknocModel
import KnocknocStore
import KnocknocSystem

extension PatroniPlan {
    /// What each host gets, in a folder of its name that mirrors `/`, and what the host that has the data runs once.
    ///
    /// - Throws: where a certificate or a verifier cannot be made.
    public func files() throws -> [ScaffoldedFile] {
        let authority = try PrivateAuthority(name: "\(scope) database")
        var files = [ScaffoldedFile("take-over.sql", try takeOver(), mode: 0o600)]
        for member in members {
            let own = try authority.issue(names: [member.name, "\(member.address)", "localhost", "127.0.0.1"])
            let folders = member.folders
            func add(_ path: String, _ text: String, mode: UInt32 = 0o644) {
                files.append(ScaffoldedFile(member.name + path, text, mode: mode))
            }
            add("/etc/default/etcd", etcd(member))
            add(folders.patroni + "/config.yml", configuration(member), mode: 0o600)
            // Two users read the same, and neither may read the other's files.
            for folder in [folders.etcd, folders.patroni] {
                add(folder + "/tls/authority.pem", authority.certificate)
                add(folder + "/tls/own.pem", own.certificate)
                add(folder + "/tls/own-key.pem", own.key, mode: 0o600)
            }
        }
        return files
    }

    /// etcd's settings, as its unit reads them. Nobody is heard without a certificate of this cluster: whoever may write
    /// here may make Postgres run commands.
    func etcd(_ member: Member) -> String {
        let (address, ports, folders) = (Self.inURL(member.address), member.ports, member.folders)
        let cluster = members.map { "\($0.name)=https://\(Self.inURL($0.address)):\($0.ports.etcdPeers)" }
        let settings = [
            ("NAME", member.name),
            ("DATA_DIR", folders.etcdData),
            ("LISTEN_PEER_URLS", "https://\(address):\(ports.etcdPeers)"),
            ("LISTEN_CLIENT_URLS", "https://\(address):\(ports.etcdClients)"),
            ("INITIAL_ADVERTISE_PEER_URLS", "https://\(address):\(ports.etcdPeers)"),
            ("ADVERTISE_CLIENT_URLS", "https://\(address):\(ports.etcdClients)"),
            ("INITIAL_CLUSTER", cluster.joined(separator: ",")),
            ("INITIAL_CLUSTER_STATE", "new"),
            ("INITIAL_CLUSTER_TOKEN", secrets.etcdToken),
            ("CLIENT_CERT_AUTH", "true"),
            ("TRUSTED_CA_FILE", folders.etcd + "/tls/authority.pem"),
            ("CERT_FILE", folders.etcd + "/tls/own.pem"),
            ("KEY_FILE", folders.etcd + "/tls/own-key.pem"),
            ("PEER_CLIENT_CERT_AUTH", "true"),
            ("PEER_TRUSTED_CA_FILE", folders.etcd + "/tls/authority.pem"),
            ("PEER_CERT_FILE", folders.etcd + "/tls/own.pem"),
            ("PEER_KEY_FILE", folders.etcd + "/tls/own-key.pem"),
            // What Patroni speaks.
            ("ENABLE_V2", "true"),
            // Else a host that comes back forces an election, and etcd answers nobody meanwhile.
            ("PRE_VOTE", "true"),
        ]
        return settings.map { "ETCD_\($0.0)=\"\($0.1)\"\n" }.joined()
    }

    /// For the host that has the data, by `psql -f`: the two logins that Patroni uses between hosts, and away with
    /// settings that are one machine's own and would travel with the data.
    func takeOver() throws -> String {
        func login(_ name: String, _ password: String, _ option: String) throws -> String {
            let verifier = try PostgresVerifier.scram(password: password, login: name)
            return """
                do $$ begin
                    if not exists (select from pg_roles where rolname = '\(name)') then create role \(name); end if;
                end $$;
                alter role \(name) login \(option) password '\(verifier)';

                """
        }
        let readers = [
            "pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)", "pg_read_binary_file(text)",
            "pg_read_binary_file(text, bigint, bigint, boolean)",
        ]
        // Patroni says these itself; what ALTER SYSTEM has written beats it.
        let own = [
            "listen_addresses", "port", "ssl", "ssl_cert_file", "ssl_key_file", "ssl_ca_file",
            "synchronous_standby_names", "primary_conninfo", "primary_slot_name", "hba_file",
        ]
        return try SQLText.quiet + "\n" + login(Self.replicator, secrets.replication, "replication")
            + login(Self.rewinder, secrets.rewind, "noreplication")
            + readers.map { "grant execute on function pg_catalog.\($0) to \(Self.rewinder);\n" }.joined()
            + own.map { "alter system reset \($0);\n" }.joined()
    }
}
