import Foundation
import KnocknocAccess
import KnocknocIdentity
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Logging
import Synchronization

@testable import KnocknocToolkit

/// Two machines with a PostgreSQL each: the first holds an exposed site.
struct DatabasePair {
    static let logger = Logger(label: "pair") { _ in SwiftLogNoOpLogHandler() }
    static let address = IPAddress.v4(0x7f00_0001)

    let first: TestCluster
    let second: TestCluster
    /// What option 3 is given.
    let exposed: String
    let console = Recorder()

    init() async throws {
        let settings = ["wal_level": "replica", "max_wal_senders": "10", "max_connections": "60"]
        first = try await TestCluster(settings: settings)
        second = try await TestCluster(settings: settings)
        try await second.sql("create table public.somebodys (name text)")
        let outcome = try await first.expose(.initialize) { $0.listen = ListenTarget(address: Self.address) }
        exposed = outcome.connectionString ?? ""
    }

    func replica(
        _ cluster: TestCluster, console: (any Console)? = nil, _ change: (inout Replica.Options) -> Void = { _ in }
    ) -> Replica {
        var options = Replica.Options()
        options.advertise = "127.0.0.1"
        options.connection = cluster.url("knocknoc", user: nil)
        change(&options)
        return Replica(layout: cluster.layout, options: options, console: console ?? self.console)
    }

    /// The first allows the second, which becomes its standby.
    func join() async throws {
        let string = try await replica(first).allow(Self.address).replicationString ?? ""
        _ = try await replica(second).initialize(ReplicationString(string))
    }

    /// Waits until the second has what the first has by now.
    func untilReplayed() async throws {
        let end = try await first.sql("select pg_current_wal_lsn()")
        try await second.sql(
            """
            do $$ begin
                for round in 1..600 loop
                    if pg_last_wal_replay_lsn() >= '\(end)' then return; end if;
                    perform pg_sleep(0.1);
                end loop;
                raise 'the standby does not replay up to \(end)';
            end $$
            """)
    }

    var hosts: String { "127.0.0.1:\(first.port),127.0.0.1:\(second.port)" }

    func promote(
        _ cluster: TestCluster, _ change: (inout Promotion.Options) -> Void = { _ in },
        startOver: Promotion.StartOver? = nil
    ) async throws -> Promotion.Outcome {
        var options = Promotion.Options()
        options.connection = cluster.url("knocknoc", user: nil)
        change(&options)
        let url = cluster.url("knocknoc", user: "postgres")
        return try await Promotion(
            options: options, console: console,
            startOver: startOver ?? { _ in
                try await Self.access(url) { "\(try await $0.startOver(cause: "failover"))" }
            }
        ).run()
    }

    static func access<Result>(_ url: String, _ body: (Access) async throws -> Result) async throws -> Result {
        let database = try DatabaseFactory.open(
            url: url, serverLock: false, patience: .seconds(60), logger: logger)
        let access = Access(
            database: database, hasher: PasswordHasher(cost: PasswordCost(memory: 8192, passes: 1)), node: "tests",
            logger: logger)
        let result = try await body(access)
        await database.close()
        return result
    }

    /// A user who is signed in.
    func signIn() async throws -> String {
        let context = RequestContext(client: .address(.v4(0xc000_0207)), requestID: "1")
        return try await Self.access(first.url("knocknoc", user: "postgres")) { access in
            _ = try await access.createUser(UserDraft(name: "alice", password: "alice password"), by: .cli, context)
            return try await access.signIn(user: "alice", password: "alice password", context).token
        }
    }

    static func isSignedIn(_ token: String, _ cluster: TestCluster) async throws -> Bool {
        try await access(cluster.url("knocknoc", user: "postgres")) { try await $0.session(user: token) != nil }
    }
}

/// Does something wrong at a certain step.
final class Saboteur: Console {
    private let step: String
    private let deed: @Sendable () -> Void

    init(at step: String, _ deed: @escaping @Sendable () -> Void) {
        self.step = step
        self.deed = deed
    }

    func tell(_ line: String) {}
    func note(_ line: String) { if line.hasPrefix(step) { deed() } }
}
