/// Why the store could not do what it was asked.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base {
            case unavailable, unknownOutcome, unique, foreignKey, schemaTooNew, schemaTooOld, olderNode, missing,
                locked, contended, configuration, decoding, statement
        }
        private let base: Base

        /// No connection within the time allowed; nothing was written.
        public static let unavailable = Code(base: .unavailable)
        /// The connection broke after COMMIT was sent and the operation could not be looked up.
        public static let unknownOutcome = Code(base: .unknownOutcome)
        /// A unique constraint refused the row; ``StoreError/constraint`` names it.
        public static let unique = Code(base: .unique)
        /// A foreign key refused the row; ``StoreError/constraint`` names it where the database does.
        public static let foreignKey = Code(base: .foreignKey)
        /// The schema cannot be read by this release.
        public static let schemaTooNew = Code(base: .schemaTooNew)
        /// The schema has not been migrated.
        public static let schemaTooOld = Code(base: .schemaTooOld)
        /// A node of an older release lives, which the migration would leave without what it uses.
        public static let olderNode = Code(base: .olderNode)
        /// There is no database where one should be.
        public static let missing = Code(base: .missing)
        /// Another server process holds the SQLite file.
        public static let locked = Code(base: .locked)
        /// Somebody else holds a row for longer than ``WriteOptions/lockPatience``; nothing was written.
        public static let contended = Code(base: .contended)
        /// The database URL or a setting cannot be used.
        public static let configuration = Code(base: .configuration)
        /// A column did not hold what was expected.
        public static let decoding = Code(base: .decoding)
        /// The database refused the statement.
        public static let statement = Code(base: .statement)
    }

    public let code: Code
    public let message: String
    /// The five characters of SQLSTATE where the database gave one.
    public let sqlState: String?
    /// The constraint, as named in the migrations.
    public let constraint: String?

    public init(_ code: Code, _ message: String, sqlState: String? = nil, constraint: String? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.constraint = constraint
    }

    public var description: String { message }
}
