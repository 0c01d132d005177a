import Foundation
import KnocknocModel
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

@Suite("what scaffold --patroni writes")
struct PatroniPlanTests {
    private func plan(_ addresses: [String]) throws -> PatroniPlan {
        let members = try addresses.enumerated().map { index, address in
            PatroniPlan.Member(
                name: "db\(index + 1)", address: try #require(IPAddress(address)),
                folders: PatroniPlan.Folders(version: 15))
        }
        return try PatroniPlan(
            members: members, allowed: [try CIDR(parsing: "10.9.0.0/24")],
            secrets: PatroniPlan.Secrets { UUID().uuidString })
    }

    @Test("two hosts cannot outvote each other, and one address is one host")
    func majority() {
        #expect(throws: SystemError.self) { try plan(["10.0.0.1", "10.0.0.2"]) }
        #expect(throws: SystemError.self) { try plan(["10.0.0.1", "10.0.0.2", "10.0.0.2"]) }
        #expect(throws: Never.self) { try plan(["10.0.0.1", "10.0.0.2", "10.0.0.3"]) }
    }

    @Test("the URL names every host, an IPv6 address in brackets")
    func url() throws {
        let plan = try plan(["10.0.0.1", "10.0.0.2", "fd00::3"])
        #expect(
            plan.databaseURL
                == "postgres://LOGIN:PASSWORD@10.0.0.1:5432,10.0.0.2:5432,[fd00::3]:5432/knocknoc?sslmode=require"
                + "&channel_binding=require")
    }

    @Test("no file that holds a secret can be read by others, and no two runs share one")
    func secrets() throws {
        let plan = try plan(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
        let secrets = [plan.secrets.replication, plan.secrets.rewind, plan.secrets.patroni]
        #expect(Set(secrets).count == 3)
        for file in try plan.files() where file.mode & 0o077 != 0 {
            #expect(!secrets.contains(where: file.text.contains) && !file.text.contains("PRIVATE KEY"), "\(file.path)")
        }
        let sql = try #require(try plan.files().first { $0.path == "take-over.sql" })
        #expect(!secrets.contains(where: sql.text.contains), "a log of statements would tell them")
        #expect(sql.text.hasPrefix(SQLText.quiet), "and the verifiers too")
    }

    @Test("the folders have the modes that they are to have on a host, whatever the umask")
    func modes() async throws {
        let outer = try Lab.temporaryFolder("scaffold").path
        defer { try? FileManager.default.removeItem(atPath: outer) }
        let (into, files) = (outer + "/ha", try plan(["10.0.0.1", "10.0.0.2", "10.0.0.3"]).files())
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            // A thread with a umask of its own; the other tests keep theirs.
            Thread.detachNewThread {
                typealias Unshare = @convention(c) (Int32) -> Int32
                let unshare = dlsym(nil, "unshare").map { unsafeBitCast($0, to: Unshare.self) }
                guard unshare?(0x200) == 0 else { return done.resume(throwing: LabError("no umask of its own")) }
                umask(0o077)
                done.resume(with: Result { try ScaffoldFolder(into).write(files) })
            }
        }
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: into + path)[.posixPermissions] as? Int
        }
        for path in ["/db2", "/db2/etc", "/db2/etc/default", "/db2/etc/patroni", "/db2/etc/etcd/tls"] {
            #expect(try mode(path) == 0o755, "\(path)")
        }
        #expect(try mode("") == 0o700 && mode("/take-over.sql") == 0o600)
        #expect(try mode("/db2/etc/patroni/config.yml") == 0o600)
        #expect(try mode("/db2/etc/default/etcd") == 0o644)
    }

    @Test("hosts are let in by TLS and password only, one line each, and whoever is allowed reaches our database only")
    func rules() throws {
        let rules = try plan(["10.0.0.1", "10.0.0.2", "fd00::3"]).rules
        #expect(rules.contains("hostssl replication knocknoc_replicator fd00::3/128 scram-sha-256"))
        #expect(rules.contains("hostssl knocknoc all 10.9.0.0/24 scram-sha-256"))
        #expect(!rules.contains { $0.hasPrefix("host ") && !$0.contains("127.0.0.1") && !$0.contains("::1/") })
    }

    @Test("the configuration is YAML that says what was meant")
    func yaml() async throws {
        let file = try #require(
            try plan(["10.0.0.1", "10.0.0.2", "10.0.0.3"]).files().first { $0.path == "db2/etc/patroni/config.yml" })
        let script = """
            import sys, yaml, json
            c = yaml.safe_load(sys.stdin)
            d = c["bootstrap"]["dcs"]
            json.dump([c["name"], c["postgresql"]["connect_address"], c["etcd"]["hosts"][2], d["synchronous_mode"],
                d["loop_wait"] + 2 * d["retry_timeout"] <= d["ttl"], len(d["postgresql"]["pg_hba"])], sys.stdout)
            """
        let output = try await Command.check("reading", ["python3", "-c", script], input: file.text)
        #expect(output == #"["db2", "10.0.0.2:5432", "10.0.0.3:2379", true, true, 14]"#)
    }

    @Test("Patroni keeps its state where only who holds the primary's place renews it: by version 2 of etcd's API")
    func version() throws {
        let files = try plan(["10.0.0.1", "10.0.0.2", "10.0.0.3"]).files()
        for name in ["db1", "db2", "db3"] {
            let patroni = try #require(files.first { $0.path == "\(name)/etc/patroni/config.yml" }).text
            let etcd = try #require(files.first { $0.path == "\(name)/etc/default/etcd" }).text
            #expect(patroni.contains("\netcd:\n") && !patroni.contains("etcd3:"))
            #expect(etcd.contains("ETCD_ENABLE_V2=\"true\"\n"))
        }
    }
}
