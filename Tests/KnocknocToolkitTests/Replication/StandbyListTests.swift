import Foundation
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

@Suite(
    "whom a standby and its primary let in", .timeLimit(.minutes(10)),
    .enabled(if: TestCluster.isPossible, "needs root and a PostgreSQL server"))
struct StandbyListTests {
    private static let network = CIDR(.v4(0xcb00_7107))

    @Test("a standby's own list follows the primary's by --refresh; --remove says where that is to be run")
    func refresh() async throws {
        let pair = try await DatabasePair()
        let (first, second) = (pair.first, pair.second)
        try await pair.join()
        try await first.expose(.add([Self.network]))
        try await pair.untilReplayed()
        #expect(try await pair.replica(second).refresh().changed)
        #expect(try await !pair.replica(second).refresh().changed)
        let line = "hostssl knocknoc +knocknoc_owner \(Self.network) scram-sha-256"
        #expect(String(decoding: try second.hba(), as: UTF8.self).contains(line))
        let removed = try await first.expose(.remove([Self.network]))
        let told = "The standby at 127.0.0.1 lets in whom it let in before"
        #expect(
            removed.lines.contains { $0.contains(told) && $0.contains("knocker replica --refresh") }, "\(removed.lines)"
        )
        try await pair.untilReplayed()
        #expect(try await pair.replica(second).refresh().changed)
        #expect(!String(decoding: try second.hba(), as: UTF8.self).contains(line))
        let wrong = await #expect(throws: SystemError.self) { try await pair.replica(first).refresh() }
        #expect(wrong?.message.contains("is no standby") == true)
    }

    @Test(
        "while the standby that commits wait for is away, who is removed is out at once; a standby outlives no --disable"
    )
    func away() async throws {
        let pair = try await DatabasePair()
        let first = pair.first
        try await pair.join()
        try await first.expose(.add([Self.network]))
        #expect(try await pair.replica(first).synchronous(DatabasePair.address).changed)
        try await pair.second.stop()
        let removed = try await first.expose(.remove([Self.network]))
        #expect(
            removed.changed && removed.lines.contains { $0.contains("has not learned of this") }, "\(removed.lines)")
        #expect(try await first.expose(.list).lines.contains("\(Self.network)") == false)
        let refused = await #expect(throws: SystemError.self) { try await first.expose(.disable) }
        #expect(refused?.message.contains("knocker replica --remove") == true, "\(refused?.message ?? "")")
        #expect(try await pair.replica(first).asynchronous().changed)
        #expect(try await pair.replica(first).forget(DatabasePair.address).changed)
        #expect(try await first.expose(.disable).exposed == false)
    }

    @Test("a standby that is forgotten while it follows is cut off")
    func following() async throws {
        let pair = try await DatabasePair()
        try await pair.join()
        #expect(try await pair.replica(pair.first).forget(DatabasePair.address).changed)
        #expect(try await pair.first.sql("select count(*) from pg_replication_slots") == "0")
        #expect(try await pair.first.sql("select count(*) from pg_stat_replication") == "0")
    }

    @Test("what --allow has added goes with --remove; what exposedb --add had added stays, and is said")
    func forgotten() async throws {
        let pair = try await DatabasePair()
        let (first, replica) = (pair.first, pair.replica(pair.first))
        _ = try await replica.allow(DatabasePair.address)
        let again = try await pair.replica(first) { $0.isRenewed = true }.allow(DatabasePair.address)
        #expect(again.replicationString != nil)
        #expect(try await first.expose(.list).lines == ["127.0.0.1/32"])
        let gone = try await replica.forget(DatabasePair.address)
        #expect(gone.lines.contains { $0.contains("exposedb --add \"127.0.0.1/32\"") }, "\(gone.lines)")
        #expect(try await first.expose(.list).lines.isEmpty)
        #expect(
            try await first.sql(
                "select count(*) from pg_db_role_setting where array_to_string(setconfig, ' ') like '%127%'") == "0")

        try await first.expose(.add([CIDR(DatabasePair.address)]))
        _ = try await replica.allow(DatabasePair.address)
        let kept = try await replica.forget(DatabasePair.address)
        #expect(kept.lines.contains { $0.contains("exposedb --remove \"127.0.0.1/32\"") }, "\(kept.lines)")
        #expect(try await first.expose(.list).lines == ["127.0.0.1/32"])
    }

    @Test("a new string that fails leaves the one before; a login of a node's own that fails is gone again")
    func undone() async throws {
        let pair = try await DatabasePair()
        let first = pair.first
        let text = try #require(try await pair.replica(first).allow(DatabasePair.address).replicationString)
        let verifier = "select rolpassword from pg_authid where rolname = 'knocknoc_replica_127_0_0_1'"
        let before = try await first.sql(verifier)
        let hba = try first.hba()
        // A line of somebody's own that stands in the way by the time that ours is judged.
        let saboteur = Saboteur(at: "Letting") {
            try? first.write(Array("host replication all 127.0.0.1/32 reject\n".utf8) + hba, to: first.hbaPath)
        }
        await #expect(throws: SystemError.self) {
            try await pair.replica(first, console: saboteur) { $0.isRenewed = true }.allow(DatabasePair.address)
        }
        #expect(try await first.sql(verifier) == before)
        try first.write(hba, to: first.hbaPath)
        // Which has it loaded, since nothing else is left to do.
        #expect(try await !first.expose(.add([CIDR(DatabasePair.address)])).changed)
        #expect(try await pair.replica(pair.second).initialize(ReplicationString(text)).changed)

        let own = "select count(*) from pg_roles where rolname like 'knocknoc\\_own\\_%'"
        let conf = try SystemFile(first.layout.configuration).text()
        let nowhere = try FreePort.find()
        await #expect(throws: SystemError.self) {
            try await pair.replica(first).follow("127.0.0.1:\(nowhere)")
        }
        #expect(try await first.sql(own) == "0")
        #expect(try SystemFile(first.layout.configuration).text() == conf)
    }

    @Test("a node's own login has another password when it is asked for, is shown, and goes with --disable")
    func ownLogin() async throws {
        let pair = try await DatabasePair()
        let first = pair.first
        try await first.expose(.add([CIDR(DatabasePair.address)]))
        let hosts = "127.0.0.1:\(first.port)"
        #expect(try await pair.replica(first).follow(hosts).changed)
        func url() throws -> DatabaseURL { try SiteSettings(file: first.layout.configuration, url: nil).database }
        let before = try url()
        #expect(try await pair.replica(first) { $0.isRenewed = true }.follow(hosts).changed)
        #expect(try await TestCluster.ask(try url().location, "select 1;") == "1")
        #expect(try await Shell.run(TestCluster.psql(before.location), input: "select 1;").status != 0)

        #expect(
            try await first.expose(.status).lines.contains {
                $0.contains("knocknoc_own_127_0_0_1 (a database machine's")
            })
        #expect(try await first.expose(.rotatePassword).lines.last?.contains("replica --follow HOSTS --renew") == true)
        let refused = await #expect(throws: SystemError.self) { try await first.expose(.disable) }
        #expect(
            refused?.message.contains("DatabaseURL = postgres:///knocknoc?host=") == true, "\(refused?.message ?? "")")
        #expect(try await first.expose(.disable) { $0.isForced = true }.changed)
        #expect(try await first.sql("select count(*) from pg_roles where rolname like 'knocknoc\\_own\\_%'") == "0")
    }

    @Test("a note that commits wait never outlives the waiting")
    func synchronous() async throws {
        let pair = try await DatabasePair()
        let (first, second) = (pair.first, pair.second)
        try await pair.join()
        let record =
            "select count(*) from pg_db_role_setting where array_to_string(setconfig, ' ') like '%synchronous_standby=%'"
        // The standby's receiver stands still, so that the note is never confirmed.
        let receiver = try #require(pid_t(try await second.sql("select pid from pg_stat_wal_receiver")))
        kill(receiver, SIGSTOP)
        defer { kill(receiver, SIGCONT) }
        let command = try LabProcess([
            Lab.executable("knocknoc"), "knocker", "replica", "--synchronous", "127.0.0.1", "--conn",
            first.url("knocknoc", user: nil),
        ])
        _ = try await command.errorLine(within: .seconds(60)) { $0.hasPrefix("Noting it") }
        // Committed here, and waiting.
        while try await first.sql("select count(*) from pg_stat_activity where wait_event = 'SyncRep'") == "0" {}
        command.signal(SIGTERM)
        #expect(await command.exit() == 143, "\(command.errorText)")
        #expect(command.errorText.contains("has not learned that commits wait"), "\(command.errorText)")
        #expect(try await first.sql("show synchronous_standby_names").isEmpty)
        #expect(try await first.sql(record) == "0")
        kill(receiver, SIGCONT)

        // A setting that somebody took away, and then another standby's turn: the note goes before anything else.
        #expect(try await pair.replica(first).synchronous(DatabasePair.address).changed)
        #expect(try await first.sql(record) == "1")
        try await first.sql("alter system reset synchronous_standby_names")
        try await first.sql("select pg_reload_conf()")
        while try await !first.sql("show synchronous_standby_names").isEmpty {}
        let seen = Saboteur(at: "Setting synchronous") {
            let found = try? Process.run(
                URL(fileURLWithPath: "/usr/bin/env"),
                arguments: TestCluster.psql(first.url(user: "postgres")) + [
                    "-c", "do $$ begin if (\(record)) <> 0 then create table public.outlived (); end if; end $$",
                ])
            found?.waitUntilExit()
        }
        #expect(try await pair.replica(first, console: seen).synchronous(DatabasePair.address).changed)
        #expect(try await first.sql("select to_regclass('public.outlived') is null") == "t")
    }
}
