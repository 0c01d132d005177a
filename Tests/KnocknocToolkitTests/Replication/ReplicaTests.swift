import Foundation
import KnocknocAccess
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

@Suite(
    "a second machine with the database", .timeLimit(.minutes(10)),
    .enabled(if: TestCluster.isPossible, "needs root and a PostgreSQL server"))
struct ReplicaTests {
    @Test("allow, init, promote: a node that knows both goes on by itself, and the old primary joins the new one")
    func wholeWay() async throws {
        let pair = try await DatabasePair()
        let (first, second) = (pair.first, pair.second)
        let token = try await pair.signIn()

        let allowed = try await pair.replica(first).allow(DatabasePair.address)
        let string = try ReplicationString(try #require(allowed.replicationString))
        #expect(
            allowed.lines.contains { $0.contains("DatabaseURL = postgres://LOGIN:PASSWORD@127.0.0.1:\(first.port)") })
        let made = try await pair.replica(second).initialize(string)
        #expect(made.changed)
        #expect(try await second.sql("select pg_is_in_recovery()") == "t")
        #expect(try await pair.replica(second).initialize(string).changed == false)
        let again = try await pair.replica(first).allow(DatabasePair.address)
        #expect(!again.changed && again.replicationString == nil)
        let kept = try FileManager.default.contentsOfDirectory(atPath: second.folder).filter { $0.contains("kept") }
        #expect(kept.count == 1, "what the machine held is kept aside")

        // The first machine's own node came by the socket, with no password.
        #expect(try await pair.replica(first).follow(pair.hosts).changed)
        #expect(try await !pair.replica(first).follow(pair.hosts).changed)
        let url = try SiteSettings(file: first.layout.configuration, url: nil).database
        let database = try PostgresDatabase(url: url.location, logger: DatabasePair.logger)
        try await database.write(.new(at: database.estimatedNow())) { transaction in
            _ = try await transaction.run(Statement("update site set created_at = 1"))
        }
        try await pair.untilReplayed()
        let report = ClusterReport(
            try await DatabasePair.access(url.location) { try await $0.clusterState() },
            try await PostgresSurvey.take(url))
        #expect(report.database.map(\.role) == ["primary", "standby"])
        #expect(report.durability == "async")
        #expect(report.warnings.isEmpty)

        let early = await #expect(throws: SystemError.self) { try await pair.promote(second) }
        #expect(early?.message.contains("still answers") == true)
        try await first.stop()
        let epoch = try await second.sql("select epoch from knocknoc.site")
        // Asked for while nobody takes writes.
        let waiting = Task {
            while true {
                let begun = ContinuousClock.now
                do {
                    try await database.write(.new(at: database.estimatedNow())) { transaction in
                        _ = try await transaction.run(Statement("update site set created_at = 3"))
                    }
                    return (begun, ContinuousClock.now)
                } catch is StoreError {}
            }
        }
        let start = ContinuousClock.now
        let promoted = try await pair.promote(second)
        let (_, written) = try await waiting.value
        print(
            "promote: done after \(start.duration(to: .now)), a write that waited acknowledged after "
                + "\(start.duration(to: written))")
        #expect(promoted.changed && promoted.endedSessions)
        #expect(pair.console.text.contains("an asynchronous standby"))
        #expect(try await !DatabasePair.isSignedIn(token, second))
        #expect(try await second.sql("select epoch from knocknoc.site") != epoch)
        try await database.write(.new(at: database.estimatedNow())) { transaction in
            _ = try await transaction.run(Statement("update site set created_at = 2"))
        }
        #expect(try await !pair.promote(second).changed)

        // The allow-list came along, the other nodes' login as well, and the new primary takes changes.
        #expect(try await second.expose(.add([try CIDR(parsing: "10.9.9.9/32")])).changed)
        let joined = pair.exposed.replacing(":\(first.port)/", with: ":\(second.port)/").split(separator: "&knocknoc")[
            0]
        #expect(try await TestCluster.ask(String(joined), "select created_at from knocknoc.site") == "2")

        try await first.start()
        let back = try await pair.replica(second).allow(DatabasePair.address).replicationString
        #expect(try await pair.replica(first).initialize(ReplicationString(try #require(back))).changed)
        #expect(try await first.sql("select created_at from knocknoc.site") == "2")
        #expect(try await first.sql("select pg_is_in_recovery()") == "t")
        await database.close()
    }

    @Test("where every commit waited for the standby, nobody is signed out; told otherwise, everybody is")
    func synchronous() async throws {
        let pair = try await DatabasePair()
        try await pair.join()
        #expect(try await pair.replica(pair.first).synchronous(DatabasePair.address).changed)
        #expect(try await !pair.replica(pair.first).synchronous(DatabasePair.address).changed)
        #expect(try await PostgresSurvey.take(DatabaseURL(pair.exposed))[0].isSynchronous == true)
        let token = try await pair.signIn()
        try await pair.first.stop()
        // A last commit that is old proves nothing: commits may have gone on without it.
        let stale = await #expect(throws: SystemError.self) {
            try await pair.promote(pair.second) { $0.certainty = -1 }
        }
        #expect(stale?.message.contains("--keep-sessions") == true, "\(stale?.message ?? "")")
        #expect(try await pair.second.sql("select pg_is_in_recovery()") == "t")
        let outcome = try await pair.promote(pair.second)
        #expect(outcome.changed && !outcome.endedSessions)
        #expect(try await DatabasePair.isSignedIn(token, pair.second))
        // It waits for nobody now, and says so.
        #expect(try await pair.second.sql("show synchronous_standby_names").isEmpty)
        #expect(try await pair.promote(pair.second) { $0.sessions = .end }.endedSessions)
        #expect(try await !DatabasePair.isSignedIn(token, pair.second))
    }

    @Test("a standby that commits no longer wait for does not think itself whole")
    func asynchronous() async throws {
        let pair = try await DatabasePair()
        try await pair.join()
        _ = try await pair.replica(pair.first).synchronous(DatabasePair.address)
        #expect(try await pair.replica(pair.first).asynchronous().changed)
        #expect(try await !pair.replica(pair.first).asynchronous().changed)
        let token = try await pair.signIn()
        try await pair.untilReplayed()
        try await pair.first.stop()
        // By the command as it is typed; the cluster's owner has to be able to run it too.
        let program = pair.second.folder + "/knocknoc"
        try await Shell.check(["cp", Lab.executable("knocknoc"), program])
        let result = try await Shell.run([
            program, "knocker", "promote", "--conn", pair.second.url("knocknoc", user: nil),
        ])
        #expect(result.status == 0 && result.text.contains("1 sessions and 0 grants have ended"), "\(result)")
        #expect(try await !DatabasePair.isSignedIn(token, pair.second))
    }

    @Test("a promotion that breaks off goes on where it stopped, and lets no node in before the sessions have ended")
    func brokenOff() async throws {
        struct Broken: Error {}
        let pair = try await DatabasePair()
        // Somebody's own lines would let nodes in.
        let own = Array("# ours\nlocal all all trust\nhost all all 127.0.0.0/8 trust\n".utf8)
        try pair.second.write(own, to: pair.second.hbaPath)
        try await pair.join()
        let token = try await pair.signIn()
        try await pair.untilReplayed()
        try await pair.first.stop()
        let node = try DatabaseURL(pair.exposed.replacing(":\(pair.first.port)/", with: ":\(pair.second.port)/"))
        // A standby lets nodes look, so that they know it.
        #expect(try await PostgresSurvey.take(node)[0].role == .standby)
        await #expect(throws: Broken.self) { try await pair.promote(pair.second, startOver: { _ in throw Broken() }) }
        #expect(try await pair.second.sql("select pg_is_in_recovery()") == "f")
        #expect(try await DatabasePair.isSignedIn(token, pair.second))
        let refused = try await PostgresSurvey.take(node)[0]
        #expect(refused.role == .away && refused.problem?.contains("pg_hba.conf") == true, "\(refused)")
        await #expect(throws: LabError.self) { try await TestCluster.ask(pair.second.url(), "select 1") }
        // Nobody else lets anybody in meanwhile.
        let early = await #expect(throws: SystemError.self) {
            try await pair.second.expose(.add([CIDR(DatabasePair.address)]))
        }
        #expect(early?.message.contains("finish it first: sudo knocker promote") == true, "\(early?.message ?? "")")
        #expect(try await pair.promote(pair.second).endedSessions)
        #expect(try await !DatabasePair.isSignedIn(token, pair.second))
        #expect(try await PostgresSurvey.take(node)[0].role == .primary)
        #expect(try await TestCluster.ask(pair.second.url(), "select 1") == "1")
        let text = String(decoding: try pair.second.hba(), as: UTF8.self)
        #expect(!text.contains("reject") && text.contains("hostssl knocknoc +knocknoc_owner"), "\(text)")
        _ = try await pair.second.expose(.disable)
        #expect(try pair.second.hba() == own)
    }

    @Test("sessions that were to end do so, also where the command that goes on is typed without a word of them")
    func decided() async throws {
        let pair = try await DatabasePair()
        try await pair.join()
        #expect(try await pair.replica(pair.first).synchronous(DatabasePair.address).changed)
        let token = try await pair.signIn()
        try await pair.first.stop()
        // As a promotion leaves it that PostgreSQL did not come to the end of.
        try SystemFile(pair.second.data + "/" + Promotion.markName).replace(with: "end\n")
        let outcome = try await pair.promote(pair.second)
        #expect(outcome.changed && outcome.endedSessions)
        #expect(try await !DatabasePair.isSignedIn(token, pair.second))
    }

    @Test("who is kept out by a promotion that was killed before it left a mark gets in again, and no session lives")
    func unmarked() async throws {
        let pair = try await DatabasePair()
        try await pair.join()
        let token = try await pair.signIn()
        try await pair.untilReplayed()
        try await pair.first.stop()
        let second = pair.second
        try await Replica.keepOut(
            LocalCluster(PostgresSocket(folder: second.folder, port: second.port), database: "knocknoc"), pair.console)
        // By other means than ours.
        try await Shell.check(second.control(["-w", "-s", "promote"]))
        await #expect(throws: LabError.self) { try await TestCluster.ask(second.url(), "select 1") }
        #expect(try await pair.promote(second).endedSessions)
        #expect(try await !DatabasePair.isSignedIn(token, second))
        #expect(try await TestCluster.ask(second.url(), "select 1") == "1")
        #expect(try await !pair.promote(second).changed)
    }

    @Test("an init that fails in the middle leaves the machine as it was")
    func undone() async throws {
        let pair = try await DatabasePair()
        let second = pair.second
        let text = try #require(try await pair.replica(pair.first).allow(DatabasePair.address).replicationString)
        var wrong = try ReplicationString(text)
        wrong.password = "wrong"
        let refused = await #expect(throws: SystemError.self) { try await pair.replica(second).initialize(wrong) }
        #expect(refused?.message.contains("--renew") == true)
        let before = try SystemFile(second.data + "/postgresql.auto.conf").bytes()
        let copy = second.data + ".knocknoc-new/postgresql.auto.conf"
        let saboteur = Saboteur(at: "Stopping") {
            try? "this is no setting\n".write(toFile: copy, atomically: false, encoding: .utf8)
        }
        await #expect(throws: SystemError.self) {
            try await pair.replica(second, console: saboteur).initialize(ReplicationString(text))
        }
        #expect(try await second.sql("select count(*) from public.somebodys") == "0")
        #expect(try await second.sql("select pg_is_in_recovery()") == "f")
        #expect(try SystemFile(second.data + "/postgresql.auto.conf").bytes() == before)
        let left = try FileManager.default.contentsOfDirectory(atPath: second.folder).filter { $0.hasPrefix("data.") }
        #expect(left.isEmpty)
        // And then it works.
        #expect(try await pair.replica(second).initialize(ReplicationString(text)).changed)
    }

    @Test("without exposedb nobody is allowed; who is forgotten does not come back")
    func refusals() async throws {
        let single = try await TestCluster(settings: ["wal_level": "replica", "max_wal_senders": "4"])
        var options = Replica.Options()
        options.advertise = "127.0.0.1"
        let error = await #expect(throws: SystemError.self) {
            try await Replica(layout: single.layout, options: options, console: Recorder()).allow(DatabasePair.address)
        }
        #expect(error?.message.contains("exposedb --init") == true)

        let pair = try await DatabasePair()
        let text = try #require(try await pair.replica(pair.first).allow(DatabasePair.address).replicationString)
        #expect(try await pair.replica(pair.first).forget(DatabasePair.address).changed)
        #expect(try await !pair.replica(pair.first).forget(DatabasePair.address).changed)
        await #expect(throws: SystemError.self) {
            try await pair.replica(pair.second).initialize(ReplicationString(text))
        }
        #expect(try await pair.first.sql("select count(*) from pg_replication_slots") == "0")
    }
}
