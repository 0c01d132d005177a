import Foundation
import KnocknocAccess
import KnocknocModel
import KnocknocStore
import Testing

extension Driver {
    static var hasPostgres: Bool { available.contains(.postgres) }
}

extension World {
    /// Forces an order on transactions: `first` is written and not committed, the contenders start one after the other
    /// as soon as the one before waits for a lock, then `last` is written and all of it commits. Postgres alone.
    func interleave<Result: Sendable>(
        _ first: [Statement], _ last: [Statement] = [], _ contenders: (@Sendable () async throws -> Result)...
    ) async throws -> [Swift.Result<Result, any Error>] {
        let tasks = try await database.write(OperationID.new(at: SystemTime.now())) { tx in
            try await tx.run(first)
            var tasks: [Task<Result, any Error>] = []
            for contender in contenders {
                tasks.append(Task { try await contender() })
                try await waitForLocks(tasks.count)
            }
            try await tx.run(last)
            return tasks
        }
        var results: [Swift.Result<Result, any Error>] = []
        for task in tasks { results.append(await task.result) }
        return results
    }

    /// Returns once this many transactions of the test's database wait for a lock.
    func waitForLocks(_ count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        let waiting = Statement(
            """
            select count(*) as count from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """)
        while try await database.run(waiting)[0].integer("count") < count {
            guard ContinuousClock.now < deadline else {
                Issue.record("only some of \(count) transactions wait for a lock")
                return
            }
        }
    }

    /// Returns once a Knoc has been given to this many groups.
    func waitForGroups(_ count: Int, of knoc: KnocID) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            let record = try await access.knoc(knoc)
            if record.groupIDs.count >= count { return }
        }
        Issue.record("the Knoc was not given to \(count) groups")
    }

    /// Writes past the use cases: nobody is told.
    func write(_ statements: Statement...) async throws {
        try await database.write(OperationID.new(at: SystemTime.now())) { tx in _ = try await tx.run(statements) }
    }
}

/// The code of the ``AccessError`` that a contender failed with; nil where it succeeded.
func failure<Value>(_ result: Result<Value, any Error>?) -> AccessError.Code? {
    guard case .failure(let error) = result else { return nil }
    return (error as? AccessError)?.code
}
