import CLibpq
import KnocknocModel

/// One result of libpq; read-only once made.
final class PostgresResult: @unchecked Sendable {  // a PGresult is never changed after PQgetResult returned it
    private let raw: OpaquePointer

    init(_ raw: OpaquePointer) { self.raw = raw }

    deinit { PQclear(raw) }

    var status: ExecStatusType { PQresultStatus(raw) }

    /// The command's tag, such as `COMMIT` or `ROLLBACK`.
    var tag: String { String(cString: PQcmdStatus(raw)) }

    func field(_ code: Int32) -> String? { PQresultErrorField(raw, code).map { String(cString: $0) } }

    var columns: Row.Columns {
        Row.Columns((0..<PQnfields(raw)).map { PQfname(raw, $0).map { String(cString: $0) } ?? "" })
    }

    /// - Parameter columns: those of an earlier result of the same statement, where known.
    func rows(_ columns: Row.Columns) throws(StoreError) -> [Row] {
        let width = PQnfields(raw)
        var rows: [Row] = []
        rows.reserveCapacity(Int(PQntuples(raw)))
        for row in 0..<PQntuples(raw) {
            var values: [Value] = []
            values.reserveCapacity(Int(width))
            for column in 0..<width { values.append(try value(row, column)) }
            rows.append(Row(columns: columns, values: values))
        }
        return rows
    }

    private func value(_ row: Int32, _ column: Int32) throws(StoreError) -> Value {
        guard PQgetisnull(raw, row, column) == 0, let start = PQgetvalue(raw, row, column) else { return .null }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(raw, row, column)))
        let type = PQftype(raw, column)
        let value = PQfformat(raw, column) == 1 ? Self.binary(bytes, type) : Self.text(bytes, type)
        guard let value else {
            let name = PQfname(raw, column).map { String(cString: $0) } ?? "\(column)"
            throw StoreError(
                .decoding, "column \(name) has the type with OID \(type); cast it to bigint, text or bytea")
        }
        return value
    }

    private static func binary(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> Value? {
        switch type {
        case PostgresType.bigint, PostgresType.smallint, PostgresType.integer:
            guard bytes.count <= 8, let first = bytes.first else { return nil }
            return .integer(bytes.reduce(Int64(first >= 128 ? -1 : 0)) { $0 << 8 | Int64($1) })
        case PostgresType.boolean: return .integer(bytes.first == 0 ? 0 : 1)
        case PostgresType.oid: return .integer(bytes.reduce(0) { $0 << 8 | Int64($1) })
        case PostgresType.bytea: return .blob(Array(bytes))
        case PostgresType.void: return .null
        default: return PostgresType.texts.contains(type) ? .text(String(decoding: bytes, as: UTF8.self)) : nil
        }
    }

    /// The text format is what the simple protocol gives; used for probes and migrations only.
    private static func text(_ bytes: UnsafeRawBufferPointer, _ type: Oid) -> Value? {
        let text = String(decoding: bytes, as: UTF8.self)
        switch type {
        case PostgresType.bigint, PostgresType.smallint, PostgresType.integer, PostgresType.oid:
            return Int64(text).map { .integer($0) }
        case PostgresType.boolean: return .integer(text == "t" ? 1 : 0)
        case PostgresType.void: return .null
        case PostgresType.bytea: return nil
        default: return .text(text)
        }
    }
}
