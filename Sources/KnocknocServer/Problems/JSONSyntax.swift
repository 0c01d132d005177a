/// Finds where a text stops being JSON (RFC 8259); the decoder that we use does not tell.
struct JSONSyntax {
    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    /// Where and why, counted from 1: `line 2, column 7: expected a value`; nil where the text is JSON.
    static func fault(in bytes: [UInt8]) -> String? {
        var syntax = JSONSyntax(bytes: bytes)
        guard let wrong = syntax.document() else { return nil }
        let before = bytes[..<min(syntax.index, bytes.count)]
        let line = before.count { $0 == 10 } + 1
        let column = before.reversed().prefix { $0 != 10 }.count + 1
        let end = syntax.index >= bytes.count ? "the text ends there; " : ""
        return "line \(line), column \(column): \(end)\(wrong)"
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 32 || byte == 9 || byte == 10 || byte == 13 { index += 1 }
    }

    private mutating func document() -> String? {
        if let wrong = value() { return wrong }
        skipSpace()
        return current == nil ? nil : "expected the end of the text"
    }

    private mutating func value() -> String? {
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return members(end: UInt8(ascii: "}"), named: true)
        case UInt8(ascii: "["): return members(end: UInt8(ascii: "]"), named: false)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word("true")
        case UInt8(ascii: "f"): return word("false")
        case UInt8(ascii: "n"): return word("null")
        case let byte? where byte == UInt8(ascii: "-") || (48...57).contains(byte): return number()
        default: return "expected a value"
        }
    }

    private mutating func members(end: UInt8, named: Bool) -> String? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 64 else { return "nested too deeply" }
        index += 1
        skipSpace()
        if current == end {
            index += 1
            return nil
        }
        while true {
            if named {
                skipSpace()
                guard current == UInt8(ascii: "\"") else { return "expected a field's name in double quotes" }
                if let wrong = string() { return wrong }
                skipSpace()
                guard current == UInt8(ascii: ":") else { return "expected \":\" after the field's name" }
                index += 1
            }
            if let wrong = value() { return wrong }
            skipSpace()
            guard current == UInt8(ascii: ",") else { break }
            index += 1
        }
        guard current == end else { return "expected \",\" or \"\(Character(UnicodeScalar(end)))\"" }
        index += 1
        return nil
    }

    private mutating func string() -> String? {
        index += 1
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return nil
            case UInt8(ascii: "\\"): index += 2
            case 0..<32: return "a control character must be escaped"
            default: index += 1
            }
        }
        return "expected a closing double quote"
    }

    private mutating func word(_ word: String) -> String? {
        guard bytes[index...].starts(with: word.utf8) else { return "expected \(word)" }
        index += word.utf8.count
        return nil
    }

    private mutating func number() -> String? {
        if current == UInt8(ascii: "-") { index += 1 }
        let start = index
        while let byte = current, (48...57).contains(byte) || [43, 45, 46, 69, 101].contains(byte) { index += 1 }
        return index > start ? nil : "expected a number"
    }
}
