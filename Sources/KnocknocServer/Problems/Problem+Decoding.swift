import KnocknocModel

extension Problem {
    init(decoding error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            let field = Self.path(context.codingPath + [key])
            self = .invalid("The field \"\(field)\" is missing.", field: field)
        case .typeMismatch(let type, let context):
            let field = Self.path(context.codingPath)
            let place = field.isEmpty ? "The body" : "The field \"\(field)\""
            self = .invalid("\(place) has the wrong type; expected \(Self.name(type)).", field: field.nonEmpty)
        case .valueNotFound(let type, let context):
            let field = Self.path(context.codingPath)
            self = .invalid("The field \"\(field)\" is null; expected \(Self.name(type)).", field: field.nonEmpty)
        case .dataCorrupted(let context):
            let field = Self.path(context.codingPath)
            let unknown = Self.unknownField(context.debugDescription).map { field.isEmpty ? $0 : field + "." + $0 }
            let detail = field.isEmpty ? context.debugDescription : "\(field): \(context.debugDescription)"
            self = .invalid(detail.hasSuffix(".") ? detail : detail + ".", field: unknown ?? field.nonEmpty)
        @unknown default:
            self = .invalid("The body cannot be read.")
        }
    }

    /// The name in the message of `refuseUnknownKeys`.
    private static func unknownField(_ message: String) -> String? {
        let start = "unknown field \""
        guard message.hasPrefix(start) else { return nil }
        return String(message.dropFirst(start.count).prefix { $0 != "\"" })
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }

    private static func name(_ type: Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any FixedWidthInteger.Type: "a whole number"
        case is [String: Any].Type: "an object"
        case is [Any].Type: "a list"
        default:
            "\(type)".hasPrefix("Array") ? "a list" : "\(type)".hasPrefix("Dictionary") ? "an object" : "another type"
        }
    }
}

extension String {
    var nonEmpty: String? { isEmpty ? nil : self }
}
