/// A backend as another release may have written it: what this build cannot read becomes ``Backend/unknown(_:)`` and
/// goes on as it came, so that it costs that one target and nothing beside it.
public struct ForeignBackend: Hashable, Sendable, Codable {
    public var backend: Backend

    public init(_ backend: Backend) { self.backend = backend }

    public init(from decoder: any Decoder) throws {
        do {
            backend = try Backend(from: decoder)
        } catch {
            backend = .unknown(UnknownBackend(json: try JSONValue(from: decoder)))
        }
    }

    public func encode(to encoder: any Encoder) throws { try backend.encode(to: encoder) }
}

/// A backend of a type, or with fields, that this build does not know.
public struct UnknownBackend: Hashable, Sendable {
    public var json: JSONValue

    public init(json: JSONValue) { self.json = json }

    /// What it calls itself, at most 64 characters.
    public var type: String {
        if case .object(let members) = json, case .text(let name)? = members["type"] {
            String(name.prefix(64))
        } else {
            "?"
        }
    }

    /// What is wrong with it, as a predicate of who cannot read it.
    public var fault: String {
        Backend.types.contains(type)
            ? "cannot read this form of backend \"\(type)\"" : "does not know backend \"\(type)\""
    }
}
