import Foundation
import Lab
import Testing

extension WholeHosts {
    /// The machine with the database is lost; whoever is signed in stays so, and what was acknowledged holds.
    ///
    /// On hosts of its own; the tests follow each other on them, and each can be run alone.
    @Suite("the database is lost", .rack) struct LostDatabaseTests {
        /// How often a primary of Patroni's is lost; `./dev test --long` loses more.
        private static let rounds =
            ProcessInfo.processInfo.environment["KNOCKNOC_TEST_FAILOVERS"].flatMap(Int.init) ?? 3

        @Test(
            "Postgres alone is killed, on the only machine: systemd starts it again, and the nodes come back",
            .timeLimit(limit))
        func restarted() async throws {
            try await RackTrait.with { site in
                let site = try await site.databaseSite()
                let load = try await site.work()
                do {
                    try await load.untilAcknowledged()
                    let lost = try await LoadReport.Loss { try await site.db1.killPostgres() }
                    try await load.untilAcknowledged(after: lost.done, within: .seconds(120))
                    // So that there is something to compare.
                    try await load.more(1_000)
                    try await site.untilHealthy([site.db1, site.web])
                    let report = try await load.finish()
                    let service = try service(report, after: lost)
                    Lab.measured("one machine: Postgres killed, first write after \(told(service))")
                    try await check(report, site, database: site.db1)
                } catch {
                    await load.stop()
                    throw error
                }
            }
        }

        @Test(
            "a standby by the page's commands: the primary's machine is lost, the standby promoted, and the other way round",
            .timeLimit(.minutes(10)))
        func promoted() async throws {
            try await RackTrait.with { site in
                let site = try await site.databaseSite()
                let (db1, web) = (site.db1, site.web)
                let (db2, db3) = try await site.spares()
                async let third: Void = db3.installServer()
                try await db2.installServer()
                try await third
                var page = try Walkthrough("high-availability.md", purpose: "standby", addresses: Self.addresses)
                let load = try await site.work()
                do {
                    try await db1.type(page.next(on: "db1"))
                    let string = try replicationString(try await db1.type(page.next(on: "db1")))
                    try await db2.type(page.next(on: "db2"))
                    try await db2.type(page.next(on: "db2"), input: string)
                    try await [db1, web].type(page.next(on: "web"))
                    try await db1.type(page.next(on: "db1"))

                    // While nobody does anything: then only the nodes themselves are heard.
                    _ = try await load.hold()
                    try await refusedWhileItLives(db1, standby: db2)
                    load.goOn()
                    try await load.untilAcknowledged()
                    let lost = try await LoadReport.Loss { try await db1.powerOff() }
                    let said = try await db2.type(page.next(on: "db2"))
                    let promoted = Clock.now
                    try await load.untilAcknowledged(after: lost.done)
                    try await site.untilHealthy([web])
                    let report = try await load.hold()
                    let service = try service(report, after: lost)
                    Lab.measured(
                        "standby: promoted \(told(promoted - lost.done)) after the loss, when that was asked for; first write after "
                            + told(service))
                    #expect(said.contains("none is lost") && said.contains("Sessions go on"), "\(said)")
                    try await check(report, site, database: db2)
                    load.goOn()

                    try await joinLater(db3, site, primary: db2, &page)

                    // The old primary comes back, by itself a primary too, and becomes the standby of the new one.
                    try await db1.boot()
                    let back = try replicationString(try await db2.type(page.next(on: "db2")))
                    try await db1.type(page.next(on: "db1"), input: back)
                    #expect(page.isDone)
                    try await load.untilAcknowledged()
                    try await site.untilHealthy([db1, web, db3])

                    // Back to where it was; commits waited for nobody, so everybody signs in again, as the command says.
                    try await db2.stopPostgres()
                    let again = try await db1.run(["knocker", "promote"])
                    #expect((again.errors + again.text).contains("All sessions end"), "\(again)")
                    try await site.untilHealthy([db1, web, db3])
                    let ended = try await load.finish()
                    #expect(Set(ended.signedOut) == Set(site.crew.people.map(\.name)))
                } catch {
                    await load.stop()
                    throw error
                }
            }
        }

        /// A primary that takes writes is not lost because a firewall refuses who comes new.
        private func refusedWhileItLives(_ primary: Machine, standby: Machine) async throws {
            try await primary.run(
                ["nft", "-f", "-"],
                input: """
                    table inet door {
                        chain input {
                            type filter hook input priority 0
                            tcp dport 5432 tcp flags & (syn | ack) == syn reject with tcp reset
                        }
                    }

                    """)
            let refused = try await standby.attempt(["knocker", "promote"])
            try await primary.run(["nft", "delete", "table", "inet", "door"])
            #expect(refused.status == 1 && refused.errors.contains("it sends its changes"), "\(refused)")
        }

        /// A new web node, after the promotion: refused with the line to type, and let in by it.
        private func joinLater(
            _ node: Machine, _ site: DatabaseSite, primary: Machine, _ page: inout Walkthrough
        ) async throws {
            let both = site.url.replacingOccurrences(
                of: "@\(site.db1.ipv4):5432", with: "@\(site.db1.ipv4):5432,\(primary.ipv4):5432")
            #expect(both != site.url)
            let refused = try await node.attempt(Machine.joining, input: both + "\n")
            let hint = "exposedb --add \"\(node.ipv4)/32\""
            #expect(refused.status != 0 && (refused.text + refused.errors).contains(hint), "\(refused)")
            try await primary.type(page.next(on: "db2"))
            _ = try await node.join(both)
            try await node.untilHealthy()
        }

        @Test(
            "three machines with Patroni by the page's commands: the primary is lost again and again, and nothing with it",
            .timeLimit(.minutes(25)))
        func patroni() async throws {
            try await RackTrait.with { site in
                let site = try await site.databaseSite()
                let (db2, db3) = try await site.spares()
                let hosts = PatroniHosts(machines: [site.db1, db2, db3])
                let load = try await site.work()
                do {
                    try await takeOver(site, hosts)
                    try await exposeMore(hosts)
                    var times: [PrimaryLoss: [Times]] = [:]
                    for round in 0..<Self.rounds {
                        let loss = PrimaryLoss.allCases[round % PrimaryLoss.allCases.count]
                        let lost = try await lose(loss, hosts, load, site)
                        times[loss, default: []].append(lost)
                    }
                    if WholeHosts.isLong {
                        try await loseStandby(hosts, load, site)
                        try await loseEtcd(hosts, load, site)
                        try await loseMajority(hosts, load, site)
                    }
                    let report = try await load.finish()
                    for loss in PrimaryLoss.allCases {
                        Lab.measured("patroni: \(loss.rawValue): \(told(times[loss] ?? []))")
                    }
                    Lab.measured("patroni: \(report)")
                    #expect(report.signedOut.isEmpty)
                } catch {
                    await load.stop()
                    throw error
                }
            }
        }

        static let addresses = (page: "10.64.11.", lab: "10.77.0.")

        func check(_ report: LoadReport, _ site: DatabaseSite, database: Machine) async throws {
            #expect(report.signedOut.isEmpty)
            try await site.crew.check(report.ledger, database: database, gate: site.gate, atLeast: 7)
        }

        /// Seconds from a loss to the first change that was asked for after it and acknowledged.
        func service(_ report: LoadReport, after lost: LoadReport.Loss) throws -> Double {
            try #require(report.service(after: lost), "nothing was acknowledged after the loss")
        }

        private func replicationString(_ said: String) throws -> String {
            let lines = said.split(whereSeparator: \.isWhitespace)
            return String(try #require(lines.first { $0.hasPrefix("knocknoc-replica-1.") }, "\(said)")) + "\n"
        }

        func told(_ seconds: Double) -> String { String(format: "%.1f s", seconds) }
    }
}
