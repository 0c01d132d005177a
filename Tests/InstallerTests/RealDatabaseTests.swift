import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocInstaller
@testable import KnocknocToolkit

@Suite(
    "a real database is looked at", .timeLimit(.minutes(3)),
    .enabled(if: PostgresServer.isInstalled, "no PostgreSQL server is installed"))
struct RealDatabaseTests {
    @Test(
        "what is wrong is recognised, and the way out is named",
        arguments: [
            ("owner", "wrong", "?sslmode=require", DatabaseRefusal.Kind.wrongPassword, "rotate-password"),
            ("owner", TestSite.encodedPassword, "?sslmode=disable", .plainRefused, "sslmode=require"),
            ("owner", "wrong", "?sslmode=disable", .plainRefused, "sslmode=require"),
            ("stranger", TestSite.encodedPassword, "", .notListed, "exposedb --add \"192.0.2.20/32\""),
            ("stranger", TestSite.encodedPassword, "?sslmode=disable", .notListed, "exposedb --add"),
        ])
    func refused(
        _ login: String, _ password: String, _ parameters: String, _ kind: DatabaseRefusal.Kind, _ remedy: String
    ) async throws {
        let url = try DatabaseURL(try await TestSite.url("postgres", login: login, password: password, parameters))
        try await expect(url, kind, remedy)
    }

    @Test("no database, no host, nobody there, and a server without TLS are told apart")
    func away() async throws {
        let server = try await TestSite.server.value
        let plain = try await PostgresServer.shared.value
        let none = try await TestSite.url("no_such_database", "?sslmode=require")
        try await expect(try DatabaseURL(none), .noSuchDatabase, "after the last /")
        try await expect(try DatabaseURL("postgres://a:b@no.such.invalid/d"), .unknownHost, "DNS")
        let free = try FreePort.find()
        try await expect(try DatabaseURL("postgres://a:b@127.0.0.1:\(free)/d"), .nobodyThere, "exposedb --init")
        try await expect(
            try DatabaseURL(plain.url("postgres") + "?sslmode=require"), .noTLS, "turns TLS on")
        let noPassword = "postgres://owner@127.0.0.1:\(server.port)/postgres?sslmode=require"
        try await expect(try DatabaseURL(noPassword), .noPassword, "LOGIN:PASSWORD")
    }

    @Test("a standby is no place to write to, and is passed over where the primary is named too")
    func standby() async throws {
        let primary = try await PostgresServer.shared.value
        let standby = try await PostgresServer(following: primary)
        let name = try await primary.makeDatabase()
        try await expect(try DatabaseURL(standby.url("postgres")), .standbyOnly, "the primary's address")
        let both = "postgres://postgres@127.0.0.1,127.0.0.1/\(name)?port=\(standby.port),\(primary.port)"
        let facts = try await SiteProbe.look(at: try DatabaseURL(both))
        #expect(facts.schema == nil && facts.database == name)
        withExtendedLifetime(standby) {}
    }

    @Test("tables of somebody else are seen, an extension's are not, and the right to make a schema is known")
    func contents() async throws {
        let server = try await TestSite.server.value
        let name = try await TestSite.emptyDatabase()
        let url = try DatabaseURL(try await TestSite.url(name, "?sslmode=require"))
        let empty = try await SiteProbe.look(at: url)
        #expect(empty.foreignTables.isEmpty && empty.mayCreateSchema && empty.isProtected && empty.login == "owner")
        try await server.sql("create extension pg_stat_statements", database: name)
        #expect(try await SiteProbe.look(at: url).foreignTables.isEmpty)
        try await server.sql("create table orders (id int); create view open_orders as select 1", database: name)
        #expect(try await SiteProbe.look(at: url).foreignTables == ["public.open_orders", "public.orders"])
        // A schema of our name that is not ours.
        try await server.sql("create schema knocknoc; create table knocknoc.theirs (id int)", database: name)
        #expect(try await SiteProbe.look(at: url).foreignTables.contains("knocknoc.theirs"))
        try await server.sql("revoke create on database \(name) from owner")
        #expect(try await SiteProbe.look(at: url).mayCreateSchema == false)
        let plain = try DatabaseURL(try await TestSite.url(name, login: "plain", "?sslmode=disable"))
        #expect(try await SiteProbe.look(at: plain).isProtected == false)
    }

    private func expect(
        _ url: DatabaseURL, _ kind: DatabaseRefusal.Kind, _ remedy: String,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let refusal = await #expect(throws: DatabaseRefusal.self, sourceLocation: location) {
            try await SiteProbe.look(at: url)
        }
        #expect(refusal?.kind == kind, "\(refusal?.reason ?? "")", sourceLocation: location)
        let way = refusal?.remedy(isSite: true, own: IPAddress("192.0.2.20")) ?? ""
        #expect(way.contains(remedy), "\(way)", sourceLocation: location)
        #expect(refusal?.reason.contains("s3cret") == false, sourceLocation: location)
    }

    @Test("what a string makes sure of is known")
    func protection() throws {
        for (parameters, isProtected, isVerified) in [
            ("", false, false), ("?sslmode=require", true, false), ("?sslmode=verify-ca", true, false),
            ("?sslmode=verify-full", true, true), ("?sslmode=require&channel_binding=require", true, true),
        ] {
            let url = try DatabaseURL("postgres://a:b@db.example/d\(parameters)")
            #expect(url.isProtected == isProtected && url.isVerified == isVerified, "\(parameters)")
        }
        #expect(try DatabaseURL("postgres:///d?host=/run/postgresql").isVerified)
    }
}
