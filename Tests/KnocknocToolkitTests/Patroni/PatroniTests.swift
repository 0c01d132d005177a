import Foundation
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Logging
import Testing

@testable import KnocknocToolkit

@Suite(
    "a Patroni cluster, taken over from a single node", .timeLimit(.minutes(30)),
    .enabled(if: PatroniSite.isInstalled, "patroni, etcd or Postgres is not installed"))
struct PatroniTests {
    /// How often a primary is lost; `./dev test --long` loses more.
    private static let rounds =
        ProcessInfo.processInfo.environment["KNOCKNOC_TEST_FAILOVERS"].flatMap(Int.init) ?? 1

    @Test("a primary killed with SIGKILL: writes go on by themselves and none that was acknowledged is lost")
    func killed() async throws {
        let site = try await PatroniSite()
        let logger = Logger(label: "patroni") { _ in SwiftLogNoOpLogHandler() }
        try await site.makeSingleNode { url in
            let database = try DatabaseFactory.open(
                url: url, serverLock: false, patience: .seconds(60), logger: logger)
            try await Migrator(database, logger: logger).migrate()
            try await database.migrate { session in
                try await session.execute(script: "create table ledger (id bigint primary key)")
                _ = try await session.run(Statement("insert into ledger (id) values (0)"))
            }
            await database.close()
        }
        for member in site.plan.members { try await site.start("etcd", on: member.name) }
        try await site.start("patroni", on: "db1")
        try await site.untilPrimary(among: ["db1"])
        for name in ["db2", "db3"] { try await site.start("patroni", on: name) }
        try await site.untilWhole()

        let database = try DatabaseFactory.open(url: site.url, serverLock: false, logger: logger)
        let ledger = Ledger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await database.run() }
            for _ in 0..<4 { group.addTask { await write(database, ledger) } }
            for round in 1...Self.rounds {
                _ = await ledger.firstWrite(after: .now)
                try await lose(site, ledger, round)
            }
            group.cancelAll()
        }
        let rows = try await database.run(Statement("select id from ledger")).map { Int(try $0.integer("id")) }
        let lost = ledger.acknowledged.subtracting(rows)
        print("patroni: \(ledger.acknowledged.count) writes acknowledged, \(lost.count) of them lost")
        #expect(lost.isEmpty)
        // What the single node had is still there.
        #expect(rows.contains(0))
        await database.close()
    }

    private func lose(_ site: PatroniSite, _ ledger: Ledger, _ round: Int) async throws {
        let index = try #require(try await site.survey().firstIndex { $0.role == .primary })
        let name = site.plan.members[index].name
        // In turns: the whole host, and Postgres alone under a Patroni that lives.
        let isHost = round % 2 == 1
        if isHost { try await site.cut(name) } else { try await site.crash(name) }
        let lost = ContinuousClock.now
        async let first = ledger.firstWrite(after: lost)
        try await site.untilPrimary(among: site.plan.members.map(\.name).filter { $0 != name })
        let promoted = ContinuousClock.now
        let written = await first
        print(
            "patroni: \(isHost ? "the primary's host" : "the primary's Postgres") killed; a new primary after "
                + "\(lost.duration(to: promoted)), the first write after \(lost.duration(to: written))")
        #expect(promoted.duration(to: written) < .seconds(10))
        #expect(lost.duration(to: written) < .seconds(60))
        if isHost { for program in ["etcd", "patroni"] { try await site.start(program, on: name) } }
        try await site.untilWhole()
    }

    private func write(_ database: any DatabaseService, _ ledger: Ledger) async {
        while !Task.isCancelled {
            let (id, begun) = (ledger.next(), ContinuousClock.now)
            do {
                try await database.write(.new(at: database.estimatedNow())) { transaction in
                    _ = try await transaction.run(Statement("insert into ledger (id) values ($1)", id))
                }
                ledger.acknowledge(id, begun: begun)
            } catch {}
        }
    }
}
