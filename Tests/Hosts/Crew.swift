import Lab
import Testing

/// People at ten addresses, ten of them to a Knoc: whoever shares a Knoc is at another address, so that every member of
/// a kernel's set is one person's doing.
struct Crew {
    static let addresses = (101...110).map { "10.77.0.\($0)" }
    let ports: [Int]
    let people: [Load.Person]

    /// Makes them, their groups and their Knocs in the administration; one Knoc for each of the ports from 9100 on.
    static func hire(at site: some Administration, knocs: Int = 20) async throws -> Crew {
        let ports = Array(9100..<9100 + knocs)
        var people: [Load.Person] = []
        for (row, port) in ports.enumerated() {
            let group = try await site.make(group: "crew \(row)")
            let knoc = try await site.make(
                knoc: "port \(port)", groups: [group], backend: SingleNode.guarding(port), seconds: 7200)
            try await withThrowingTaskGroup { tasks in
                for seat in addresses.indices {
                    tasks.addTask { _ = try await site.make(user: name(row, seat), groups: [group]) }
                }
                try await tasks.waitForAll()
            }
            for (seat, address) in addresses.enumerated() {
                people.append(Load.Person(name: name(row, seat), address: address, knoc: knoc))
            }
        }
        for port in ports { try await site.untilTargetsApplied("port \(port)", within: 60) }
        return Crew(ports: ports, people: people)
    }

    private static func name(_ row: Int, _ seat: Int) -> String { "p\(row)-\(seat)" }

    /// The time of the database in microseconds: what people do from now on is of sessions that begin now.
    func now(at site: ThreeNodes) async throws -> Int {
        let text = try await site.nodes[0].sql("select (extract(epoch from clock_timestamp()) * 1000000)::bigint;")
        guard let line = text.split(whereSeparator: \.isNewline).first, let time = Int(line) else {
            throw LabError("the database told no time: \(text)")
        }
        return time
    }

    /// Holds what people were told against the database, and the database against the kernel.
    ///
    /// - Parameters:
    ///   - begun: from ``now(at:)``, before they signed in; what their earlier sessions hold is nothing to this ledger.
    ///   - count: how many at least must have been granted, and revoked, in the end.
    func check(
        _ ledger: [LoadReport.Holding], at site: ThreeNodes, since begun: Int, atLeast count: Int = 30
    ) async throws {
        try await check(ledger, database: site.nodes[0], gate: site.gate, since: begun, atLeast: count)
    }

    /// The same, of a database and an agent on these machines.
    func check(
        _ ledger: [LoadReport.Holding], database: Machine, gate: Machine, since begun: Int = 0, atLeast count: Int
    ) async throws {
        let rows = try await database.sql(
            """
            select u.name, bool_or(g.created_at >= \(begun))
            from knocknoc.grants g
            join knocknoc.users u on u.id = g.user_id
            where g.state = 'live' and g.expires_at > extract(epoch from clock_timestamp()) * 1000000
            group by u.name;
            """, database: "knocknoc"
        ).split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
        let all = Set(rows.map { $0[0] })
        let live = Set(rows.filter { $0[1] == "t" }.map { $0[0] })
        #expect(Set(ledger.map(\.name)).isSubset(of: people.map(\.name)))
        let granted = ledger.filter { $0.state == .granted }
        let revoked = ledger.filter { $0.state == .revoked }
        // Else the comparison below would compare little.
        #expect(granted.count > count && revoked.count > count, "\(granted.count) granted, \(revoked.count) revoked")
        for holding in granted { #expect(live.contains(holding.name), "\(holding.name) was told: granted") }
        for holding in revoked { #expect(!live.contains(holding.name), "\(holding.name) was told: revoked") }

        var expected: [Int: Set<String>] = [:]
        for (index, person) in people.enumerated() where all.contains(person.name) {
            expected[ports[index / Self.addresses.count], default: []].insert(person.address)
        }
        var seen: [Int: Set<String>] = [:]
        let end = Clock.now + 60
        repeat {
            let guards = try await gate.guards()
            seen = [:]
            for port in ports where guards[port]?.isEmpty == false {
                seen[port] = Set(guards[port, default: [:]].keys)
            }
        } while seen != expected && Clock.now < end
        #expect(seen == expected, "the kernel does not have what the database says")
    }
}
