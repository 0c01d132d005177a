import KnocknocModel

/// A JSON value that keeps the order of its members and says null where there is nothing.
indirect enum JSON: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case text(String)
    case list([JSON])
    case object([(String, JSON)])
    /// JSON that is written already.
    case written(String)

    init(_ value: String?) { self = value.map { .text($0) } ?? .null }
    init(_ value: Int64?) { self = value.map { .integer($0) } ?? .null }
    init(_ value: Int?) { self = value.map { .integer(Int64($0)) } ?? .null }
    init(_ value: Timestamp?) { self = value.map { .text($0.description) } ?? .null }
    init(_ value: IPAddress?) { self = value.map { .text($0.description) } ?? .null }
    init<Subject>(_ value: Identifier<Subject>?) { self = value.map { .text($0.description) } ?? .null }
    init<Subject>(_ values: [Identifier<Subject>]) { self = .list(values.map { .text($0.description) }) }
    init(_ values: [String: String]) {
        self = .object(values.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) })
    }

    var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .text(let value): text += Self.quoted(value)
        case .written(let value): text += value
        case .list(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += "," }
                value.write(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                text += Self.quoted(member.0) + ":"
                member.1.write(to: &text)
            }
            text += "}"
        }
    }

    private static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if isPlain { return "\"" + value + "\"" }
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1f}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
