/// The fields of a form or of a query, percent-decoded; a name may come more than once.
struct FormFields: Sendable {
    private(set) var values: [String: [String]] = [:]

    init(_ body: [UInt8]) {
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.decoded(parts[0])
            values[name, default: []].append(parts.count == 2 ? Self.decoded(parts[1]) : "")
        }
    }

    init(query: String?) { self.init(Array((query ?? "").utf8)) }

    /// The last value of a field.
    subscript(_ name: String) -> String? { values[name]?.last }

    /// The value without surrounding white space; nil where nothing is left.
    func text(_ name: String) -> String? {
        guard let value = values[name]?.last else { return nil }
        var rest = value.drop(while: \.isWhitespace)
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest.isEmpty ? nil : String(rest)
    }

    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// Whether a checkbox is set.
    func isOn(_ name: String) -> Bool { self[name] != nil }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "+") {
                result.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let high = Character(UnicodeScalar(bytes[index + 1])).hexDigitValue,
                let low = Character(UnicodeScalar(bytes[index + 2])).hexDigitValue
            {
                result.append(UInt8(high << 4 | low))
                index += 2
            } else {
                result.append(byte)
            }
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }
}
