public import KnocknocModel
import Logging

/// Which site a database belongs to; the same after a restore, a move and a failover.
public struct SiteIdentity: Hashable, Sendable {
    private let madeAt: Timestamp

    public init(madeAt: Timestamp) { self.madeAt = madeAt }

    /// - Throws: ``StoreError`` `missing` where there is no Knocknoc in it.
    public static func of(_ database: any Executor) async throws -> SiteIdentity {
        let rows: [Row]
        do { rows = try await database.run(SiteTable.birth()) } catch let error as StoreError
            where error.sqlState == "42P01"
        {
            throw StoreError(.missing, "there is no Knocknoc in that database", sqlState: error.sqlState)
        }
        guard let row = rows.first else { throw StoreError(.missing, "there is no Knocknoc in that database") }
        return SiteIdentity(madeAt: try row.timestamp("created_at"))
    }

    /// Tries a Postgres URL once, by a connection of its own.
    ///
    /// - Throws: ``StoreError`` `unavailable` with what each host said, `missing` where there is no Knocknoc.
    public static func find(at url: String) async throws -> SiteIdentity {
        var options = PostgresOptions()
        // One try for each host: a password that is wrong is not better a moment later, and servers count.
        options.patience = .milliseconds(50)
        (options.readConnections, options.transactionConnections) = (1, 1)
        let quiet = Logger(label: "site") { _ in SwiftLogNoOpLogHandler() }
        let database = try PostgresDatabase(url: url, logger: quiet, options: options)
        let result: Result<SiteIdentity, any Error>
        do { result = .success(try await of(database)) } catch { result = .failure(error) }
        await database.close()
        return try result.get()
    }
}
