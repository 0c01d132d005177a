import Foundation
import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite(
    "exposedb on a cluster that Patroni keeps", .timeLimit(.minutes(5)),
    .enabled(if: TestCluster.isPossible, "needs root and a PostgreSQL server"))
struct PatroniExposeTests {
    private static let web = "10.9.0.0/24"

    /// A cluster with the lines that scaffold writes, as if Patroni had.
    private static func cluster(_ more: String = "") async throws -> TestCluster {
        let members = try (1...3).map { number in
            PatroniPlan.Member(
                name: "db\(number)", address: try #require(IPAddress("10.0.0.\(number)")),
                folders: PatroniPlan.Folders(version: 15))
        }
        let plan = try PatroniPlan(members: members, allowed: [CIDR(parsing: web)], secrets: .random())
        let rules = ["local all all trust"] + plan.rules
        let hba = rules.joined(separator: "\n") + "\n" + more
        let cluster = try await TestCluster(hba: Array(hba.utf8))
        try cluster.write(Array("{}".utf8), to: cluster.data + "/patroni.dynamic.json")
        return cluster
    }

    /// Does what Patroni does with what the commands say.
    private static func carryOut(_ outcome: ExposeDB.Outcome, _ cluster: TestCluster) throws {
        let lines = try #require(outcome.commands).split(separator: "\n").filter { $0.hasPrefix("    - \"") }
        let rules = lines.map { String($0.dropFirst(7).dropLast()) + "\n" }
        try cluster.write(Array(rules.joined().utf8), to: cluster.hbaPath)
    }

    @Test("--list and --status name everybody whom Patroni's lines let in from another machine")
    func list() async throws {
        let cluster = try await Self.cluster("host all all samenet scram-sha-256\nhost other all 10.8.0.0/24 md5\n")
        let list = try await cluster.expose(.list)
        #expect(list.lines == ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", Self.web, "samenet"], "\(list.lines)")
        #expect(try list.json().contains("\"network\" : \"\(Self.web)\""))
        #expect(list.networks?.map(\.allowed) == [true, true, true, true, true])
        #expect(list.networks?.map(\.uncertain) == [false, false, false, false, true])
        let status = try await cluster.expose(.status)
        #expect(status.lines.contains("allowed    \(Self.web)"), "\(status.lines)")
        #expect(status.exposed == true && !status.lines.joined().contains("nobody"))
    }

    @Test("--remove takes out what scaffold wrote, and nothing else")
    func remove() async throws {
        let cluster = try await Self.cluster("hostssl knocknoc,other all \(Self.web) scram-sha-256\n")
        let web = try CIDR(parsing: Self.web)
        let outcome = try await cluster.expose(.remove([web]))
        let commands = try #require(outcome.commands)
        #expect(!commands.contains("\"hostssl knocknoc all \(Self.web)"), "\(commands)")
        #expect(commands.contains("hostssl knocknoc,other all \(Self.web)"), "another database's users come by it")
        #expect(commands.contains("\"hostssl knocknoc all 10.0.0.1/32 scram-sha-256\""))
        let said = outcome.lines.joined(separator: "\n")
        #expect(said.contains("and yet:") && said.contains("hostssl knocknoc,other all \(Self.web)"), "\(said)")
        #expect(said.contains("before the next exposedb command"))
        #expect(outcome.removed?.map(\.allowed) == [true])

        let plain = try await Self.cluster()
        let clean = try await plain.expose(.remove([web]))
        #expect(clean.removed?.map(\.allowed) == [false])
        #expect(clean.lines.contains { $0.hasPrefix("\(Self.web) may not use the database") }, "\(clean.lines)")
        try Self.carryOut(clean, plain)
        #expect(try await plain.expose(.list).lines == ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"])
        // And by what --add writes.
        try Self.carryOut(try await plain.expose(.add([web])), plain)
        #expect(try await plain.expose(.list).lines.contains(Self.web))
        try Self.carryOut(try await plain.expose(.remove([web])), plain)
        #expect(try await !plain.expose(.list).lines.contains(Self.web))
    }

    @Test("where nothing can be taken out there is no command, and who gets in by a wider line is told")
    func nothing() async throws {
        let cluster = try await Self.cluster()
        let part = try await cluster.expose(.remove([CIDR(parsing: "10.9.0.5/32")]))
        let said = part.lines.joined(separator: "\n")
        #expect(part.commands == nil && part.removed?.map(\.allowed) == [true])
        #expect(said.contains("10.9.0.5/32 still gets in as a part of \(Self.web)"), "\(said)")
        #expect(said.contains("--remove \(Self.web) takes that out"), "\(said)")
        let stranger = try await cluster.expose(.remove([CIDR(parsing: "192.0.2.1/32")]))
        #expect(stranger.commands == nil && stranger.removed?.map(\.allowed) == [false])
        #expect(stranger.lines.contains("192.0.2.1/32 is not allowed; there is nothing to remove."))
        // TLS is off here, which is a change of its own.
        let known = try await cluster.expose(.add([CIDR(parsing: Self.web)]))
        #expect(known.lines.contains("\(Self.web) is allowed already."))
        #expect(known.commands?.ranges(of: Self.web).count == 1)
    }
}
