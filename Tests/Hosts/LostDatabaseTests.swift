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
                    let report = try await load.finish()
                    print("one machine: Postgres killed, first write after \(told(report.service(after: lost)))")
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
                try await db2.installServer()
                var page = try Walkthrough("high-availability.md", purpose: "standby", addresses: Self.addresses)
                let load = try await site.work()
                do {
                    try await db1.type(page.next(on: "db1"))
                    let string = try replicationString(try await db1.type(page.next(on: "db1")))
                    try await db2.type(page.next(on: "db2"))
                    try await db2.type(page.next(on: "db2"), input: string)
                    try await [db1, web].type(page.next(on: "web"))
                    try await db1.type(page.next(on: "db1"))

                    try await load.untilAcknowledged()
                    let lost = try await LoadReport.Loss { try await db1.powerOff() }
                    let said = try await db2.type(page.next(on: "db2"))
                    let promoted = Clock.now
                    try await load.untilAcknowledged(after: lost.done)
                    let report = try await load.hold()
                    let service = report.service(after: lost)
                    print(
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

                    // Back to where it was; commits waited for nobody, so everybody signs in again, as the command says.
                    try await db2.run(["systemctl", "disable", "-q", "--now", "postgresql"])
                    try await db2.run(["systemctl", "stop", "postgresql@15-main"])
                    let again = try await db1.run(["knocker", "promote"])
                    #expect((again.errors + again.text).contains("All sessions end"), "\(again)")
                    let ended = try await load.finish()
                    #expect(Set(ended.signedOut) == Set(site.crew.people.map(\.name)))
                } catch {
                    await load.stop()
                    throw error
                }
            }
        }

        /// A new web node, after the promotion: refused with the line to type, and let in by it.
        private func joinLater(
            _ node: Machine, _ site: DatabaseSite, primary: Machine, _ page: inout Walkthrough
        ) async throws {
            try await node.installServer()
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
            .timeLimit(.minutes(25)), .onlyLong)
        func patroni() async throws {
            try await RackTrait.with { site in
                let site = try await site.databaseSite()
                let (db2, db3) = try await site.spares()
                let hosts = PatroniHosts(machines: [site.db1, db2, db3])
                let load = try await site.work()
                do {
                    try await takeOver(site, hosts)
                    try await exposeMore(hosts)
                    var times: [String] = []
                    for round in 0..<Self.rounds {
                        let loss = Loss.allCases[round % Loss.allCases.count]
                        let time = try await lose(loss, hosts, load, site)
                        times.append("\(loss) \(told(time))")
                    }
                    let report = try await load.finish()
                    print("patroni: first write after: \(times.joined(separator: ", "))")
                    print("patroni: \(report)")
                    #expect(report.signedOut.isEmpty)
                } catch {
                    await load.stop()
                    throw error
                }
            }
        }

        private static let addresses = (page: "10.64.11.", lab: "10.77.0.")

        private func takeOver(_ site: DatabaseSite, _ hosts: PatroniHosts) async throws {
            let (db1, others) = (hosts.machines[0], Array(hosts.machines.dropFirst()))
            var page = try Walkthrough("high-availability.md", purpose: "patroni", addresses: Self.addresses)
            var (times, last): ([String], Double) = ([], Clock.now)
            func note(_ what: String) {
                times.append("\(what) \(told(Clock.now - last))")
                last = Clock.now
            }
            try await db1.reachByShell(others)
            try await db1.type(page.next(on: "db1"))
            try await site.nodes(among: hosts.machines + [site.web]).type(page.next(on: "web"))
            note("nodes told")
            try await hosts.machines.type(page.next(on: "db1", "db2", "db3"))
            note("packages")
            try await db1.type(page.next(on: "db1"))
            try await hosts.machines.type(page.next(on: "db1", "db2", "db3"))
            note("files")
            try await db1.type(page.next(on: "db1"))
            try await hosts.untilLeading(db1)
            note("first member")
            try await others.type(page.next(on: "db2", "db3"))
            #expect(try await hosts.untilWhole().name == "db1")
            note("the others")
            let list = try await db1.type(page.next(on: "db1"))
            #expect(list.contains("Leader") && list.contains("Sync Standby"), "\(list)")
            #expect(page.isDone)
            print("patroni: taken over: \(times.joined(separator: ", "))")
        }

        /// On Patroni `exposedb` prints a command, which lets a network in on all machines.
        private func exposeMore(_ hosts: PatroniHosts) async throws {
            let said = try await hosts.machines[0].run(["knocker", "exposedb", "--add", "203.0.113.0/24"]).text
            let lines = said.split(separator: "\n", omittingEmptySubsequences: false)
            let start = try #require(lines.firstIndex { $0.contains("patronictl") && $0.hasPrefix("sudo") }, "\(said)")
            let end = try #require(lines[start...].firstIndex { $0 == "END" }, "\(said)")
            try await hosts.machines[0].type(lines[start...end].joined(separator: "\n") + "\n")
            for machine in hosts.machines {
                try await machine.untilLetIn("203.0.113.0")
            }
        }

        /// How a primary is lost.
        private enum Loss: String, CaseIterable {
            case postgres = "Postgres killed"
            case power = "machine without power"
            case network = "machine cut off"
        }

        /// - Returns: seconds to the first write that was asked for after the loss and acknowledged.
        private func lose(
            _ loss: Loss, _ hosts: PatroniHosts, _ load: Load, _ site: DatabaseSite
        ) async throws -> Double? {
            let old = try await hosts.untilWhole()
            try await load.untilAcknowledged()
            let lost = try await LoadReport.Loss {
                switch loss {
                case .postgres: try await old.killPostgres()
                case .power: try await old.powerOff()
                case .network: try await old.reach(false)
                }
            }
            try await load.untilAcknowledged(after: lost.done, within: .seconds(180))
            switch loss {
            case .postgres: break
            case .power: try await old.boot()
            case .network: try await old.reach(true)
            }
            let new = try await hosts.untilWhole()
            let whole = Clock.now - lost.begun
            let report = try await load.hold()
            // Where it were the same machine, nothing would have been taken over.
            #expect(new.name != old.name)
            try await check(report, site, database: new)
            load.goOn()
            print(
                "patroni: \(loss.rawValue): first write after \(told(report.service(after: lost))), whole after \(told(whole))"
            )
            return report.service(after: lost)
        }

        private func check(_ report: LoadReport, _ site: DatabaseSite, database: Machine) async throws {
            #expect(report.signedOut.isEmpty)
            try await site.crew.check(report.ledger, database: database, gate: site.gate, atLeast: 7)
        }

        private func replicationString(_ said: String) throws -> String {
            let lines = said.split(whereSeparator: \.isWhitespace)
            return String(try #require(lines.first { $0.hasPrefix("knocknoc-replica-1.") }, "\(said)")) + "\n"
        }

        private func told(_ seconds: Double?) -> String {
            seconds.map { String(format: "%.1f s", $0) } ?? "never"
        }
    }
}
