import FoundationEssentials
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
            if let underlying = context.underlyingError as? CocoaError {
                let place = underlying.userInfo["NSDebugDescription"].map { " \($0)" } ?? ""
                self = .invalid("The body is not JSON.\(place)", field: field.nonEmpty)
            } else {
                let detail = field.isEmpty ? context.debugDescription : "\(field): \(context.debugDescription)"
                self = .invalid(detail.hasSuffix(".") ? detail : detail + ".", field: field.nonEmpty)
            }
        @unknown default:
            self = .invalid("The body cannot be read.")
        }
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
        default: "\(type)".hasPrefix("Array") ? "a list" : "\(type)".hasPrefix("Dictionary") ? "an object" : "another type"
        }
    }
}

extension String {
    var nonEmpty: String? { isEmpty ? nil : self }
}
