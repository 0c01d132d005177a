public import KnocknocModel

/// One row of a result; columns are read by name.
public struct Row: Sendable {
    /// Column names with their positions, shared by the rows of one result.
    public final class Columns: Sendable {
        public let names: [String]
        let positions: [String: Int]

        public init(_ names: [String]) {
            self.names = names
            positions = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        }
    }

    public let columns: Columns
    public let values: [Value]

    public init(columns: Columns, values: [Value]) {
        self.columns = columns
        self.values = values
    }

    public func value(_ name: String) throws(StoreError) -> Value {
        guard let position = columns.positions[name] else {
            throw StoreError(.decoding, "no column \(name); the result has \(columns.names.joined(separator: ", "))")
        }
        return values[position]
    }

    public func isNull(_ name: String) throws(StoreError) -> Bool { try value(name) == .null }

    public func integer(_ name: String) throws(StoreError) -> Int64 {
        guard case .integer(let integer) = try value(name) else { throw mismatch(name, "an integer") }
        return integer
    }

    public func bool(_ name: String) throws(StoreError) -> Bool { try integer(name) != 0 }

    public func text(_ name: String) throws(StoreError) -> String {
        guard case .text(let text) = try value(name) else { throw mismatch(name, "text") }
        return text
    }

    public func blob(_ name: String) throws(StoreError) -> [UInt8] {
        guard case .blob(let bytes) = try value(name) else { throw mismatch(name, "bytes") }
        return bytes
    }

    public func timestamp(_ name: String) throws(StoreError) -> Timestamp {
        Timestamp(microseconds: try integer(name))
    }

    public func identifier<Subject>(
        _ name: String, as type: Identifier<Subject>.Type = Identifier<Subject>.self
    ) throws(StoreError) -> Identifier<Subject> {
        guard let identifier = Identifier<Subject>(try text(name)) else { throw mismatch(name, "a UUID") }
        return identifier
    }

    public func address(_ name: String) throws(StoreError) -> IPAddress {
        guard let address = IPAddress(try text(name)) else { throw mismatch(name, "an address") }
        return address
    }

    /// nil where the column is null, else what `read` reads: `try row.optional("email", row.text)`.
    public func optional<Result>(
        _ name: String, _ read: (String) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        try isNull(name) ? nil : try read(name)
    }

    private func mismatch(_ name: String, _ expected: String) -> StoreError {
        StoreError(.decoding, "column \(name) does not hold \(expected)")
    }
}
