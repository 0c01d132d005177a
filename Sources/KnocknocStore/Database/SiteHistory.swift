public import KnocknocModel
import Logging

/// Which site a database belongs to, and how far it had come when it was read: a copy, a restored backup and a primary that
/// was replaced lack what came since, which may have been endings.
public struct SiteHistory: Hashable, Sendable {
    /// More than one: ids are times by many nodes' clocks, so the last line that was written need not have the highest.
    static let depth = 64

    private let madeAt: Timestamp
    private let epoch: String
    /// Every ending has its line of the audit, no line is ever changed, and no write without waiting for the disk adds one.
    private let newest: [AuditID]

    public init(madeAt: Timestamp, epoch: String, newest: [AuditID]) {
        self.madeAt = madeAt
        self.epoch = epoch
        self.newest = newest
    }

    /// - Throws: ``StoreError`` `missing` where there is no Knocknoc in it.
    public static func of(_ database: any Executor) async throws -> SiteHistory {
        let read: [[Row]]
        do { read = try await database.run([SiteTable.beginning(), AuditTable.newest(depth)]) } catch let error
            as StoreError where error.sqlState == "42P01"
        {
            throw StoreError(.missing, "there is no Knocknoc in that database", sqlState: error.sqlState)
        }
        guard let row = read[0].first else { throw StoreError(.missing, "there is no Knocknoc in that database") }
        return SiteHistory(
            madeAt: try row.timestamp("created_at"), epoch: try row.text("epoch"),
            newest: try read[1].map { try $0.identifier("id") })
    }

    /// Tries a Postgres URL once, by a connection of its own.
    ///
    /// - Parameter seen: what must be in that database too; nil where any site's will do.
    /// - Throws: ``StoreError`` `unavailable` with what each host said, `missing` where there is no Knocknoc, `configuration`
    ///   where it does not go on from what was seen.
    public static func find(at url: String, goingOnFrom seen: SiteHistory?) async throws {
        var options = PostgresOptions()
        // One try for each host: a password that is wrong is not better a moment later, and servers count.
        options.patience = .milliseconds(50)
        (options.readConnections, options.transactionConnections) = (1, 1)
        let quiet = Logger(label: "site") { _ in SwiftLogNoOpLogHandler() }
        let database = try PostgresDatabase(url: url, logger: quiet, options: options)
        let result: Result<Void, any Error>
        do {
            let found = try await of(database)
            try await seen?.expect(in: found, database)
            result = .success(())
        } catch { result = .failure(error) }
        await database.close()
        try result.get()
    }

    private func expect(in found: SiteHistory, _ database: any Executor) async throws {
        guard found.madeAt == madeAt else {
            throw StoreError(.configuration, "that is another site's database, which needs a restart")
        }
        let there = try await database.run(SQLList.statements(newest, AuditTable.count)).joined()
        let count = try there.reduce(0) { try $0 + $1.integer("count") }
        guard found.epoch == epoch, count == newest.count else {
            let lack = found.epoch == epoch ? "it lacks what this node has seen" : "its epoch is another"
            throw StoreError(
                .configuration,
                """
                that is a copy, a restored backup or a primary that was replaced: \(lack). Where it is the right one all the \
                same, stop knocknoc on every web node, run "knocker end-sessions" on one, then "systemctl restart knocknoc" \
                on each
                """)
        }
    }
}
