import CLibpq
import KnocknocModel

/// A statement's parameters as libpq wants them, all in binary format with declared types.
enum ParameterBuffer {
    /// Types are declared, because Postgres would take `$1 + 1` for 32 bits; null's type is left to the context.
    static func type(_ value: Value) -> Oid {
        switch value {
        case .null: PostgresType.unknown
        case .integer: PostgresType.bigint
        case .text: PostgresType.text
        case .blob: PostgresType.bytea
        }
    }

    /// The kinds of all parameters in two bits each; nil where there are too many.
    static func signature(_ values: [Value]) -> UInt64? {
        guard values.count <= 32 else { return nil }
        return values.reduce(0) { signature, value in
            switch value {
            case .null: signature << 2
            case .integer: signature << 2 | 1
            case .text: signature << 2 | 2
            case .blob: signature << 2 | 3
            }
        }
    }

    struct Arrays {
        var types: UnsafePointer<Oid>?
        var values: UnsafePointer<UnsafePointer<CChar>?>?
        var lengths: UnsafePointer<Int32>?
        var formats: UnsafePointer<Int32>?
    }

    static func with<Result>(_ parameters: [Value], _ body: (Arrays) -> Result) -> Result {
        guard !parameters.isEmpty else { return body(Arrays()) }
        var bytes: [UInt8] = []
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        for parameter in parameters {
            let start = bytes.count
            switch parameter {
            case .null: break
            case .integer(let integer): withUnsafeBytes(of: integer.bigEndian) { bytes += $0 }
            case .text(let text): bytes += text.utf8
            case .blob(let blob): bytes += blob
            }
            offsets.append(parameter == .null ? nil : start)
            lengths.append(Int32(bytes.count - start))
        }
        // An empty value is not null: there must be an address.
        bytes.append(0)
        let types = parameters.map(type)
        let formats = [Int32](repeating: 1, count: parameters.count)
        return bytes.withUnsafeBytes { raw in
            let base = raw.bindMemory(to: CChar.self).baseAddress
            let values = offsets.map { offset in offset.flatMap { base?.advanced(by: $0) } }
            return types.withUnsafeBufferPointer { types in
                values.withUnsafeBufferPointer { values in
                    lengths.withUnsafeBufferPointer { lengths in
                        formats.withUnsafeBufferPointer { formats in
                            body(
                                Arrays(
                                    types: types.baseAddress, values: values.baseAddress,
                                    lengths: lengths.baseAddress, formats: formats.baseAddress))
                        }
                    }
                }
            }
        }
    }
}
