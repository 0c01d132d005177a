/// The transaction in which a migration is applied.
public protocol MigrationSession: Executor {
    /// Runs a file of many statements without parameters.
    func execute(script: String) async throws

    /// The stored schema state's table is there.
    func hasSchema() async throws -> Bool

    /// Makes the place where the first migration puts its tables, with the right owner.
    func prepareSchema() async throws
}
