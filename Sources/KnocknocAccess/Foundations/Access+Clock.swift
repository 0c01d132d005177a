import KnocknocModel
import KnocknocStore

extension Access {
    /// The database's time now.
    func clock(_ executor: any Executor) async throws -> Timestamp {
        guard let row = try await executor.run(SiteTable.now()).first else {
            throw StoreError(.decoding, "the database did not say what time it is")
        }
        return try row.now(self)
    }

    static func moved(_ what: String) -> AccessError {
        AccessError(.stale, "\(what) was changed by somebody else at the same moment; look again")
    }
}
