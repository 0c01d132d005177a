import Foundation
import Lab

extension Machine {
    /// What a member of a Patroni cluster is.
    struct Member: Hashable {
        var name: String
        var role: String
        var state: String

        var runs: Bool { ["running", "streaming"].contains(state) }
    }

    /// The cluster as this machine's Patroni knows it; empty where that does not answer.
    func members() async throws -> [Member] {
        try await patroni("cluster")["members"].items.map { member in
            Member(
                name: member["name"].string ?? "", role: member["role"].string ?? "",
                state: member["state"].string ?? "")
        }
    }

    /// What Patroni here answers; null where it does not.
    func patroni(_ page: String = "patroni") async throws -> JSON {
        let answer = try await attempt([
            "curl", "-s", "-m", "3", "--cacert", "/etc/patroni/tls/authority.pem", "https://\(ipv4):8008/\(page)",
        ])
        return (try? JSON(parsing: answer.output)) ?? .null
    }

    /// Whether it is the primary that both others follow, one of them with every commit.
    func leadsAll() async throws -> Bool {
        let answer = try await attempt([
            "runuser", "-u", "postgres", "--", "psql", "-XqAt", "-d", "postgres", "-c",
            """
            select count(*) = 2 and count(*) filter (where sync_state = 'sync') = 1
            from pg_stat_replication
            where state = 'streaming'
            """,
        ])
        return answer.line == "t"
    }
}

/// Three machines with Patroni.
struct PatroniHosts {
    /// Seconds that a primary keeps its place without etcd; Patroni's `ttl`.
    static let lease = 20.0

    let machines: [Machine]

    /// Waits until Patroni on this machine says that it is the leader.
    func untilLeading(_ machine: Machine, within limit: Double = 120) async throws {
        try await wait(within: limit, "\(machine.name) does not lead") {
            let members = try await machine.members()
            return members.contains { $0.name == machine.name && $0.role == "leader" && $0.runs }
        }
    }

    /// Waits until a leader is followed by the others, and one of them has every commit.
    ///
    /// - Returns: the leader.
    func untilWhole(within limit: Double = 180) async throws -> Machine {
        var found: Machine?
        try await wait(within: limit, "the cluster is not whole") {
            for machine in machines {
                let members = try await machine.members()
                let roles = members.filter(\.runs).map(\.role).sorted()
                guard roles == ["leader", "replica", "sync_standby"],
                    let leader = members.first(where: { $0.role == "leader" })
                else { continue }
                found = machines.first { $0.name == leader.name }
                return try await found?.leadsAll() ?? false
            }
            return false
        }
        guard let found else { throw LabError("a leader that is none of the machines") }
        return found
    }

    /// The standby that has every commit.
    func synchronous() async throws -> Machine {
        for machine in machines {
            let found = try await machine.members().first { $0.role == "sync_standby" }
            if let found, let standby = machines.first(where: { $0.name == found.name }) { return standby }
        }
        throw LabError("no machine knows of a synchronous standby")
    }

    /// Waits until Patroni on this machine has spoken with etcd at this moment on ``Clock`` or later.
    func untilEtcdIsSeen(by machine: Machine, after moment: Double) async throws {
        let wanted = moment + Date().timeIntervalSince1970 - Clock.now
        try await wait(within: 120, "\(machine.name) does not reach etcd") {
            let seen = try await machine.patroni()["dcs_last_seen"].int ?? 0
            return Double(seen) > wanted
        }
    }

    /// Waits until no Postgres takes writes.
    func untilNobodyLeads() async throws {
        try await wait(within: 120, "there still is a primary") {
            for machine in machines where try await machine.isPrimary() { return false }
            return true
        }
    }

    private func wait(within limit: Double, _ failure: String, until done: () async throws -> Bool) async throws {
        let end = Clock.now + limit
        repeat {
            if try await done() { return }
            try await Task.sleep(for: .milliseconds(200))
        } while Clock.now < end
        var said = ""
        for machine in machines {
            let members = (try? await machine.members()) ?? []
            let journal = await machine.journal(40, unit: "patroni.service")
            said += "\n\(machine.name): \(members.map { "\($0.name) \($0.role) \($0.state)" })\n\(journal)"
        }
        throw LabError("\(failure) within \(limit) s\(said)")
    }
}
