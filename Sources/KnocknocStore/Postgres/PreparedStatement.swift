import Synchronization

/// A statement that one connection has prepared.
final class PreparedStatement: Sendable {
    struct Key: Hashable, Sendable {
        var sql: String
        /// Kinds of the parameters; see ``ParameterBuffer/signature(_:)``.
        var signature: UInt64
    }

    let key: Key
    let name: String
    private let known = Mutex<Row.Columns?>(nil)

    init(key: Key, name: String) {
        self.key = key
        self.name = name
    }

    /// The result's columns, read once.
    func columns(_ read: () -> Row.Columns) -> Row.Columns {
        known.withLock { known in
            if let known { return known }
            let columns = read()
            known = columns
            return columns
        }
    }
}
