import GRDB
import KnocknocModel

/// SQLite's failures as ``StoreError``, with constraints under the names that Postgres reports.
enum SQLiteErrors {
    static func error(_ error: DatabaseError, _ sql: String? = nil, _ database: GRDB.Database? = nil) -> StoreError {
        let reason = error.message ?? "error \(error.extendedResultCode.rawValue)"
        let place = sql.map { "; in: \($0.prefix(120))" } ?? ""
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY:
            return StoreError(
                .unique, "a row like this exists already: \(reason)",
                constraint: database.flatMap { constraint(named: reason, in: $0) })
        case .SQLITE_CONSTRAINT_FOREIGNKEY:
            return StoreError(.foreignKey, "a row that this one needs is missing, or is still needed: \(reason)")
        default: break
        }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return StoreError(.unavailable, "the database is busy: \(reason)\(place)")
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return StoreError(.unavailable, "the database's file cannot be used: \(reason)\(place)")
        default:
            return StoreError(.statement, "the database refused a statement: \(reason)\(place)")
        }
    }

    static func wrap(_ error: any Error) -> any Error {
        (error as? DatabaseError).map { Self.error($0) } ?? error
    }

    /// `UNIQUE constraint failed: user.name_key` names columns, not the constraint. The name is found in this order: the unique
    /// index on those columns; `constraint NAME unique|primary key (…)` in the table's definition; else
    /// `TABLE_pkey` or `TABLE_COLUMN_key` as Postgres would have made it up.
    private static func constraint(named message: String, in database: GRDB.Database) -> String? {
        guard let list = message.split(separator: ": ", maxSplits: 1).last else { return nil }
        let quoted = list.split(separator: "'")
        if list.hasPrefix("index '"), quoted.count >= 2 { return String(quoted[1]) }
        let pairs = list.split(separator: ",").map { $0.drop { $0 == " " }.split(separator: ".", maxSplits: 1) }
        guard let table = pairs.first?.first.map(String.init), pairs.allSatisfy({ $0.count == 2 }) else { return nil }
        let columns = pairs.map { String($0[1]) }
        return (try? name(table: table, columns: columns, database)) ?? "\(table)_\(columns.joined(separator: "_"))_key"
    }

    private static func name(table: String, columns: [String], _ database: GRDB.Database) throws -> String? {
        let primary = try database.primaryKey(table).columns
        let index = try database.indexes(on: table).first { $0.isUnique && Set($0.columns) == Set(columns) }
        if let index, index.origin == .createIndex { return index.name }
        let sql = try String.fetchOne(
            database, sql: "select sql from sqlite_master where type = 'table' and name = ?", arguments: [table])
        if let name = sql.flatMap({ declared(columns, in: $0) }) { return name }
        return Set(primary) == Set(columns) ? "\(table)_pkey" : nil
    }

    /// The NAME of `constraint NAME unique (columns)` or `constraint NAME primary key (columns)`.
    static func declared(_ columns: [String], in sql: String) -> String? {
        let words = sql.lowercased()
            .split { !($0.isLetter || $0.isNumber || "_()".contains($0)) }
            .flatMap { separated($0) }
        for (index, word) in words.enumerated() where word == "constraint" && index + 3 < words.count {
            var rest = words[(index + 2)...]
            if rest.starts(with: ["unique"]) {
                rest = rest.dropFirst()
            } else if rest.starts(with: ["primary", "key"]) {
                rest = rest.dropFirst(2)
            } else {
                continue
            }
            guard rest.first == "(" else { continue }
            if Set(rest.dropFirst().prefix { $0 != ")" }) == Set(columns) { return words[index + 1] }
        }
        return nil
    }

    /// Parentheses as words of their own.
    private static func separated(_ text: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        for character in text {
            if character == "(" || character == ")" {
                if !word.isEmpty { words.append(word) }
                words.append(String(character))
                word = ""
            } else {
                word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}
