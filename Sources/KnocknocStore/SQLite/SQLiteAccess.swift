import FoundationEssentials
import GRDB
import KnocknocModel
import Synchronization

/// Statements on one GRDB connection; called on its queue.
struct SQLiteAccess: Sendable {
    /// Texts are constants of the program, so the cache is bounded by it.
    private static let rewritten = Mutex<[String: String]>([:])

    static func text(of sql: String) -> String {
        if let known = rewritten.withLock({ $0[sql] }) { return known }
        let text = ParameterLexer.rewrite(sql)
        rewritten.withLock { $0[sql] = text }
        return text
    }

    static func run(_ statement: Statement, _ database: GRDB.Database) throws -> [Row] {
        do {
            let prepared = try database.cachedStatement(sql: text(of: statement.sql))
            try prepared.setArguments(StatementArguments(statement.parameters.map(databaseValue)))
            guard prepared.columnCount > 0 else {
                try prepared.execute()
                return []
            }
            let columns = Row.Columns(prepared.columnNames)
            let cursor = try GRDB.Row.fetchCursor(prepared)
            var rows: [Row] = []
            while let row = try cursor.next() {
                rows.append(Row(columns: columns, values: try row.databaseValues.map { try value($0) }))
            }
            return rows
        } catch let error as DatabaseError {
            throw SQLiteErrors.error(error, statement.sql, database)
        }
    }

    private static func databaseValue(_ value: Value) -> DatabaseValue {
        switch value {
        case .null: .null
        case .integer(let integer): integer.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }

    private static func value(_ value: DatabaseValue) throws(StoreError) -> Value {
        switch value.storage {
        case .null: .null
        case .int64(let integer): .integer(integer)
        case .string(let text): .text(text)
        case .blob(let data): .blob(Array(data))
        case .double(let number):
            throw StoreError(.decoding, "a column holds the fraction \(number); cast it to bigint")
        }
    }
}
