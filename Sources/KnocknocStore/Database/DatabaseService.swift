/// A database with its background work; what ``DatabaseFactory`` opens.
///
/// Statements work without ``run()`` too, which short commands need not start: it keeps connections warm, samples the
/// clock and carries events between processes.
public protocol DatabaseService: Database {
    /// Works until the task is cancelled; waits for a database that is away and says so in the log.
    func run() async throws

    /// Returns once the database answers, however long that takes; says in the log what it waits for.
    ///
    /// - Throws: ``StoreError`` where waiting cannot help, `CancellationError`.
    func waitUntilReachable() async throws

    /// Time since the database last answered; nodes let their agents go by it.
    func silence() -> Duration

    /// Runs `body` in one transaction that no other process's migration overlaps.
    func migrate<Result: Sendable>(
        _ body: @Sendable (any MigrationSession) async throws -> Result
    ) async throws -> Result

    /// Makes connections by another URL from now on: another password, login or host of the same database. Those that are
    /// there end as soon as nothing is under way on them.
    ///
    /// - Throws: ``StoreError`` `configuration`; everything stays as it was.
    func redirect(to url: String, listenURL: String?) throws(StoreError)

    /// Closes all connections; nothing can be run afterwards.
    func close() async
}
