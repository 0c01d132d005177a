import Foundation
import KnocknocModel
import KnocknocStore
import KnocknocSystem

@testable import KnocknocToolkit

/// Three hosts of a Patroni cluster on loopback, each with an etcd, made from what `knocknoc scaffold --patroni` writes.
final class PatroniSite: Sendable {
    static let programs: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap(Int.init).max().map { "\(root)/\($0)/bin" }
    }()

    static let isInstalled: Bool = {
        let isThere =
            programs != nil
            && ["patroni", "etcd"].allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }
        if !isThere { print("SKIPPED: tests of a Patroni cluster, because patroni, etcd or Postgres is not installed") }
        return isThere
    }()

    static let login = "web"
    static let password = "s3cret"

    let root: String
    let plan: PatroniPlan
    private let lifeline: Lifeline

    init() async throws {
        let root = try await ClusterUser.folder("ha")
        let members = try ["db1", "db2", "db3"].map { name in
            var folders = PatroniPlan.Folders(version: 15)
            let own = "\(root)/\(name)"
            folders.data = own + "/pg/data"
            // As on Debian: the settings are not with the data.
            folders.settings = own + "/etc/postgresql"
            folders.programs = Self.programs ?? ""
            folders.sockets = own + "/run"
            folders.patroni = own + "/etc/patroni"
            folders.etcd = own + "/etc/etcd"
            folders.etcdData = own + "/etcd"
            var ports = PatroniPlan.Ports()
            ports.postgres = try FreePort.find()
            ports.patroni = try FreePort.find()
            ports.etcdClients = try FreePort.find()
            ports.etcdPeers = try FreePort.find()
            return PatroniPlan.Member(
                name: name, address: .v4(0x7f00_0001), folders: folders, ports: ports)
        }
        self.root = root
        plan = try PatroniPlan(
            members: members, allowed: [], secrets: PatroniPlan.Secrets { UUID().uuidString.lowercased() })
        lifeline = try Lifeline(
            order: """
                case $1 in
                etcd) (set -a; . \(root)/$2/etc/default/etcd; exec etcd) >>\(root)/$2/etcd.log 2>&1 </dev/null & ;;
                patroni) cd \(root)/$2; HOME=\(root)/$2 patroni etc/patroni/config.yml >>patroni.log 2>&1 </dev/null & ;;
                esac
                echo $! >\(root)/$2/$1.pid
                """,
            end: """
                for file in \(root)/*/patroni.pid \(root)/*/etcd.pid; do kill -KILL $(cat $file); done
                for file in \(root)/*/pg/data/postmaster.pid; do kill -QUIT $(head -1 $file); done
                for file in \(root)/*/pg/data/postmaster.pid; do
                    while [ -e $file ] && kill -0 $(head -1 $file); do sleep 0.1; done
                done
                rm -rf \(root)
                """)
        try await install()
    }

    /// As an administrator copies them, but for where etcd's unit reads its settings.
    private func install() async throws {
        for member in plan.members {
            let folders = member.folders
            try await ClusterUser.run([
                "mkdir", "-p", "-m", "0700", folders.patroni + "/tls", folders.etcd + "/tls", folders.sockets,
                "\(root)/\(member.name)/etc/default", folders.data, folders.settings,
            ])
            try await ClusterUser.run(
                ["sh", "-c", "cat >\(folders.settings)/postgresql.conf"],
                input: """
                    data_directory = '\(folders.data)'
                    hba_file = '\(folders.settings)/pg_hba.conf'
                    ident_file = '\(folders.settings)/pg_ident.conf'

                    """)
        }
        for file in try plan.files() {
            let parts = file.path.split(separator: "/", maxSplits: 1)
            var path = parts.count == 2 ? "/" + parts[1] : "\(root)/\(file.path)"
            if path == "/etc/default/etcd" { path = "\(root)/\(parts[0])\(path)" }
            try await ClusterUser.run(
                ["sh", "-c", "umask 077; cat >\(path); chmod \(String(file.mode, radix: 8)) \(path)"], input: file.text)
        }
    }

    func start(_ program: String, on name: String) async throws { try await lifeline.order("\(program) \(name)") }

    /// A single node's database on the first host, as it is before Patroni takes it over; stopped.
    func makeSingleNode(_ work: (_ url: String) async throws -> Void) async throws {
        let member = plan.members[0]
        let folders = member.folders
        try await ClusterUser.run([
            folders.programs + "/initdb", "-D", folders.data, "-A", "trust", "-U", "postgres", "--no-sync",
            "--locale=C", "-E", "UTF8",
        ])
        try await ClusterUser.run([
            "sh", "-c",
            "cd \(folders.data); rm postgresql.conf; mv pg_hba.conf pg_ident.conf \(folders.settings)/",
        ])
        let options =
            "-c config_file=\(folders.settings)/postgresql.conf -c port=\(member.ports.postgres) -c listen_addresses= -c unix_socket_directories=\(folders.sockets)"
        let control = [folders.programs + "/pg_ctl", "-D", folders.data, "-s", "-w"]
        try await ClusterUser.run(control + ["-l", "\(root)/single.log", "-o", options, "start"])
        func url(_ user: String, _ database: String) -> String {
            "postgres://\(user)@/\(database)?host=\(folders.sockets)&port=\(member.ports.postgres)"
        }
        let psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url("postgres", "postgres")]
        try await ClusterUser.run(
            psql,
            input: """
                create role \(Self.login) login password '\(Self.password)';
                create database knocknoc owner \(Self.login);
                alter system set listen_addresses = 'not.a.host.of.another.machine';
                """)
        try await work(url(Self.login, "knocknoc"))
        // Safe to run twice, as everything is that a person might.
        for _ in 1...2 { try await ClusterUser.run(psql + ["-f", "\(root)/take-over.sql"]) }
        try await ClusterUser.run(control + ["-m", "fast", "stop"])
    }

    /// What web nodes are given.
    var url: String { plan.databaseURL.replacing("LOGIN:PASSWORD", with: "\(Self.login):\(Self.password)") }

    func survey() async throws -> [PostgresHost] {
        try await PostgresSurvey.take(DatabaseURL(url), within: .seconds(2))
    }

    /// Returns when Postgres takes writes on one of these hosts.
    func untilPrimary(among names: [String]) async throws {
        let asks = plan.members.filter { names.contains($0.name) }.map { member in
            "psql -XAtq -h \(member.folders.sockets) -p \(member.ports.postgres) -U postgres"
                + " -c 'select pg_is_in_recovery()' 2>/dev/null"
        }
        try await wait(until: "{ \(asks.joined(separator: "; ")); } | grep -q f")
    }

    /// Returns when Patroni knows a leader and a standby that has everything, and all of them run. A primary that is lost
    /// before that has to come back itself.
    func untilWhole() async throws {
        let asks = plan.members.map { member in
            "curl -s -m 2 --cacert \(member.folders.patroni)/tls/authority.pem"
                + " https://\(member.address):\(member.ports.patroni)/cluster"
        }
        let script = """
            import json, sys
            members = json.load(sys.stdin)["members"]
            roles = sorted(m["role"] for m in members)
            states = [m["state"] in ("running", "streaming") for m in members]
            sys.exit(roles != ["leader", "replica", "sync_standby"] or not all(states))
            """
        try await wait(until: "{ \(asks.joined(separator: " || ")); } | python3 -c '\(script)' 2>/dev/null")
    }

    /// Other programs tell nobody when they are ready; a shell asks them until they are.
    private func wait(until condition: String) async throws {
        try await ClusterUser.run(["timeout", "120", "bash", "-c", "until \(condition); do sleep 0.05; done"])
    }

    /// Ends everything of a host at once, as a power cut does.
    func cut(_ name: String) async throws {
        try await ClusterUser.run([
            "sh", "-c",
            """
            cd \(root)/\(name)
            postmaster=$(head -1 pg/data/postmaster.pid)
            kill -KILL $(cat patroni.pid) $postmaster $(cat etcd.pid) $(ps -o pid= --ppid $postmaster)
            """,
        ])
    }

    /// Kills Postgres alone, under Patroni.
    func crash(_ name: String) async throws {
        try await ClusterUser.run(["sh", "-c", "kill -KILL $(head -1 \(root)/\(name)/pg/data/postmaster.pid)"])
    }
}
