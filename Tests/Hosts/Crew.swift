import Lab
import Testing

/// 200 people at ten addresses and twenty Knocs: whoever shares a Knoc is at another address, so that every member of a
/// kernel's set is one person's doing.
struct Crew {
    static let ports = Array(9100..<9120)
    let people: [Load.Person]

    /// Makes them, their groups and their Knocs in the administration.
    static func hire(at site: ThreeNodes) async throws -> Crew {
        var people: [Load.Person] = []
        for (row, port) in ports.enumerated() {
            let group = try await site.make(group: "crew \(row)")
            let knoc = try await site.make(
                knoc: "port \(port)", groups: [group], backend: SingleNode.guarding(port), seconds: 7200)
            try await withThrowingTaskGroup { tasks in
                for seat in ThreeNodes.addresses.indices {
                    tasks.addTask { _ = try await site.make(user: name(row, seat), groups: [group]) }
                }
                try await tasks.waitForAll()
            }
            for (seat, address) in ThreeNodes.addresses.enumerated() {
                people.append(Load.Person(name: name(row, seat), address: address, knoc: knoc))
            }
        }
        for port in ports { try await site.untilTargetsApplied("port \(port)", within: 30) }
        return Crew(people: people)
    }

    private static func name(_ row: Int, _ seat: Int) -> String { "p\(row)-\(seat)" }

    /// Holds what people were told against the database, and the database against the kernel.
    func check(_ ledger: [LoadReport.Holding], at site: ThreeNodes) async throws {
        let database = site.nodes[0]
        let live = Set(
            try await database.sql(
                """
                select u.name
                from knocknoc.grants g
                join knocknoc.users u on u.id = g.user_id
                where g.state = 'live' and g.expires_at > extract(epoch from clock_timestamp()) * 1000000;
                """, database: "knocknoc"
            ).split(separator: "\n").map(String.init))
        #expect(ledger.count == people.count)
        let granted = ledger.filter { $0.state == .granted }
        let revoked = ledger.filter { $0.state == .revoked }
        // Else the comparison below would compare little.
        #expect(granted.count > 30 && revoked.count > 30, "\(granted.count) granted, \(revoked.count) revoked")
        for holding in granted { #expect(live.contains(holding.name), "\(holding.name) was told: granted") }
        for holding in revoked { #expect(!live.contains(holding.name), "\(holding.name) was told: revoked") }

        var expected: [Int: Set<String>] = [:]
        for (index, person) in people.enumerated() where live.contains(person.name) {
            expected[Self.ports[index / ThreeNodes.addresses.count], default: []].insert(person.address)
        }
        var seen: [Int: Set<String>] = [:]
        let end = Clock.now + 10
        repeat {
            let guards = try await site.gate.guards()
            seen = [:]
            for port in Self.ports where guards[port]?.isEmpty == false {
                seen[port] = Set(guards[port, default: [:]].keys)
            }
        } while seen != expected && Clock.now < end
        #expect(seen == expected, "the kernel does not have what the database says")
    }
}
