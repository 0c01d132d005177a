import Foundation
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

/// On real clusters, one after another: each restarts.
@Suite("knocker exposedb", .serialized, .enabled(if: TestCluster.isPossible))
struct ExposeDBSuite {}

extension ExposeDBSuite {
    @Suite("exposes the database to listed addresses")
    struct ExposeDBTests {
        private static let here = CIDR(.v4(0x7f00_0001))

        /// The string without what is ours and not libpq's.
        private func location(_ text: String?) throws -> String { try DatabaseURL(try #require(text)).location }

        @Test("from nothing to a second node that migrates, and back to nothing")
        func whole() async throws {
            let cluster = try await TestCluster()
            let key = String(repeating: "0f", count: 32)
            try SystemFile(cluster.layout.encryptionKey).replace(with: key + "\n", attributes: .init(mode: 0o600))
            let (hba, auto) = (try cluster.hba(), try cluster.autoConf())

            let early = await #expect(throws: SystemError.self) { try await cluster.expose(.add([Self.here])) }
            #expect(early?.message.contains("exposedb --init") == true)
            let preview = try await cluster.expose(.initialize) { $0.isDryRun = true }
            #expect(preview.lines.contains { $0.contains("+listen_addresses = '0.0.0.0") }, "\(preview.lines)")
            #expect(try cluster.autoConf() == auto)
            #expect(try await cluster.expose(.status).exposed == false)

            let made = try await cluster.expose(.initialize)
            let string = try #require(made.connectionString)
            #expect(made.changed && made.lines.contains(string))
            let mark = "@127.0.0.1:\(cluster.port)/knocknoc?sslmode=require&channel_binding=require&knocknoc_key="
            #expect(string.contains(mark), "\(string)")
            #expect(EncryptionKey(try #require(try DatabaseURL(string).encryptionKey)) == EncryptionKey(key))
            #expect(try await cluster.sql("show ssl; show listen_addresses") == "on\n0.0.0.0")
            #expect(try cluster.hba() == hba)
            let refused = try await Shell.run(TestCluster.psql(try location(string)), input: "select 1;")
            #expect(refused.status != 0 && refused.errors.contains("no pg_hba.conf entry"), "\(refused)")

            let again = try await cluster.expose(.initialize)
            #expect(!again.changed && again.connectionString == nil)
            #expect(again.lines.contains { $0.contains("--rotate-password") })

            let added = try await cluster.expose(.add([Self.here]))
            #expect(added.changed && added.networks?.map(\.allowed) == [true])
            let session = try await TestCluster.ask(
                try location(string), "select session_user, current_user, current_setting('search_path');")
            #expect(session == "knocknoc_node_1|knocknoc_owner|knocknoc")
            // What a newer node's migration does: a table of its own, and one that the first node made.
            try await TestCluster.ask(
                try location(string), "create table later (id bigint); alter table site add column later bigint;")
            try await cluster.migrate(string)
            let owners = try await cluster.sql(
                "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'knocknoc'::regnamespace")
            #expect(owners == "knocknoc_owner")

            let twice = try cluster.hba()
            #expect(try await cluster.expose(.add([Self.here])).changed == false)
            #expect(try cluster.hba() == twice)
            #expect(try await cluster.expose(.list).lines == ["127.0.0.1/32"])
            let absent = try await cluster.expose(.remove([try CIDR(parsing: "203.0.113.0/24")]))
            #expect(!absent.changed && absent.lines.first?.contains("nothing to remove") == true)
            try await cluster.expose(.remove([Self.here]))
            #expect(try cluster.hba() == hba)
            #expect(try await Shell.run(TestCluster.psql(try location(string)), input: "select 1;").status != 0)

            try await cluster.expose(.add([Self.here]))
            let gone = try await cluster.expose(.disable)
            #expect(gone.changed)
            #expect(try cluster.hba() == hba)
            #expect(try cluster.autoConf() == auto)
            #expect(try await cluster.sql("show ssl; show listen_addresses") == "off")
            #expect(try await cluster.sql("select count(*) from pg_roles where rolname like 'knocknoc\\_node%'") == "0")
            #expect(try await cluster.sql("select count(*) from knocknoc.later") == "0")
            #expect(try await cluster.expose(.disable).changed == false)
        }

        @Test("an older site's schema gets the owner that all nodes are members of")
        func older() async throws {
            let cluster = try await TestCluster()
            try await cluster.sql("create role older login; create database older owner older;", database: "postgres")
            try await cluster.migrate(cluster.url("older", user: "older"))
            try await cluster.sql(
                """
                create type knocknoc.mood as enum ('good'); create view knocknoc.seen as select 1 as one;
                create sequence knocknoc.numbers; create table public.theirs (id int);
                alter table public.theirs owner to older
                """, database: "older")
            let owner = "select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'knocknoc'"
            #expect(try await cluster.sql(owner, database: "older") == "older")
            let string = try #require(
                try await cluster.expose(.initialize) { $0.connection = cluster.url("older", user: "older") }
                    .connectionString)
            try await cluster.expose(.add([Self.here])) { $0.connection = cluster.url("older", user: "older") }
            #expect(try await cluster.sql(owner, database: "older") == "knocknoc_owner")
            let others = """
                select relname from pg_class where relnamespace = 'knocknoc'::regnamespace
                    and relkind <> 'i' and pg_get_userbyid(relowner) <> 'knocknoc_owner'
                union all select proname from pg_proc where pronamespace = 'knocknoc'::regnamespace
                    and pg_get_userbyid(proowner) <> 'knocknoc_owner'
                union all select typname from pg_type where typnamespace = 'knocknoc'::regnamespace
                    and pg_get_userbyid(typowner) <> 'knocknoc_owner'
                """
            #expect(try await cluster.sql(others, database: "older") == "")
            try await TestCluster.ask(
                try location(string),
                "alter table site add column later bigint; drop type mood; drop view seen; drop sequence numbers;")
            // Its own server goes on, and what is not the site's stays whose it is.
            #expect(
                try await TestCluster.ask(cluster.url("older", user: "older"), "select count(*) from site; ") == "1")
            let theirs = "select tableowner from pg_tables where tablename = 'theirs'"
            #expect(try await cluster.sql(theirs, database: "older") == "older")
            // Nobody gets into the other database with it.
            let other = try location(string).replacing("/older?", with: "/knocknoc?")
            #expect(try await Shell.run(TestCluster.psql(other), input: "select 1;").status != 0)
        }

        @Test("a rotation lets both logins work until no session uses the old one")
        func rotation() async throws {
            let cluster = try await TestCluster()
            let first = try location(try await cluster.expose(.initialize).connectionString)
            try await cluster.expose(.add([Self.here]))
            let node = try LabProcess(
                TestCluster.psql(first + "&application_name=web-2") + [
                    "-c", "select 'here'", "-c", "select pg_sleep(600)",
                ])
            _ = try await node.line { $0 == "here" }
            let rotated = try await cluster.expose(.rotatePassword)
            let second = try location(rotated.connectionString)
            let isKeyed = rotated.connectionString?.contains("&knocknoc_key=") == true
            #expect(rotated.lines.contains { $0.contains("without &knocknoc_key=…") } == isKeyed, "\(rotated.lines)")
            for string in [first, second] { #expect(try await TestCluster.ask(string, "select 1;") == "1") }

            let status = try await cluster.expose(.status)
            #expect(status.logins?.map(\.current) == [false, true])
            #expect(status.lines.contains { $0.contains("1 from 127.0.0.1 (web-2)") }, "\(status.lines)")
            let busy = await #expect(throws: SystemError.self) { try await cluster.expose(.rotatePassword) }
            #expect(busy?.message.contains("web-2") == true)
            #expect(try await TestCluster.ask(first, "select 1;") == "1")
            let blocked = await #expect(throws: SystemError.self) { try await cluster.expose(.disable) }
            #expect(blocked?.message.contains("web-2") == true)

            await node.stop(SIGKILL)
            try await cluster.sql(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'web-2'")
            let done = try await cluster.expose(.rotatePassword)
            #expect(done.changed && done.connectionString == nil)
            #expect(try await Shell.run(TestCluster.psql(first), input: "select 1;").status != 0)
            #expect(try await TestCluster.ask(second, "select 1;") == "1")
        }

        @Test("no password is said to the server, its log or the notes; a plain string has neither TLS nor key")
        func secrets() async throws {
            let cluster = try await TestCluster(settings: ["log_statement": "all", "log_min_duration_statement": "0"])
            try cluster.configure(
                "DatabaseURL = \(cluster.url())\nEncryptionKey = \(String(repeating: "a1", count: 32))\n")
            let console = Recorder()
            let outcome = try await cluster.expose(.initialize, console: console) { $0.isPlain = true }
            let string = try #require(outcome.connectionString)
            #expect(!string.contains("?"))
            let password = try #require(string.split(separator: "@").first?.split(separator: ":").last)
            #expect(password.count == 48)
            let log = try String(contentsOfFile: cluster.folder + "/log", encoding: .utf8)
            #expect(log.contains("alter system set") && !log.contains(password) && !log.contains("SCRAM-SHA-256"))
            #expect(!console.text.contains(password))
            let json = try JSONDecoder().decode([String: AnyJSON].self, from: Data(try outcome.json().utf8))
            #expect(json["connectionString"] == .text(string))
        }

        @Test("another network than IPv4's: an IPv6 address listens beside what local programs use")
        func v6() async throws {
            let cluster = try await TestCluster(settings: ["listen_addresses": "localhost"])
            let outcome = try await cluster.expose(.initialize) {
                $0.listen = ListenTarget("[::]:\(cluster.port)")
                $0.advertise = "::1"
            }
            #expect(try await cluster.sql("show listen_addresses") == "::,127.0.0.1")
            let string = try location(outcome.connectionString)
            #expect(string.contains("@[::1]:"))
            try await cluster.expose(.add([CIDR(.v6(1))]))
            #expect(try await TestCluster.ask(string, "select 1;") == "1")
            #expect(try await cluster.expose(.list).lines == ["::1/128"])
        }
    }
}

/// Enough of JSON to look into an object.
enum AnyJSON: Decodable, Equatable {
    case text(String), other

    init(from decoder: any Decoder) throws {
        self = (try? decoder.singleValueContainer().decode(String.self)).map { .text($0) } ?? .other
    }
}
