import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocModel

/// One page of a list.
struct PageQuery<Subject>: Sendable where Subject: SendableMetatype {
    static var maximum: Int { 500 }

    var limit = 100
    var after: Identifier<Subject>?
    /// The query's other fields.
    var fields: FormFields

    init(_ request: Request) throws {
        fields = FormFields(query: request.uri.query)
        limit = try fields.number("limit", in: 1...Self.maximum) ?? limit
        if let text = fields["after"] {
            guard let id = Identifier<Subject>(text) else {
                throw Problem.invalid(
                    "after: expected the \"next\" of the page before, not \"\(text)\".", field: "after")
            }
            after = id
        }
    }

    /// The answer for records that were asked for with one more than `limit`.
    func answer<Record>(
        _ records: [Record], id: (Record) -> Identifier<Subject>, json: (Record) -> JSON
    ) -> Response {
        let page = records.prefix(limit)
        let next = records.count > limit ? page.last.map(id) : nil
        return .json(.object([("items", .list(page.map(json))), ("next", JSON(next))]))
    }
}

extension FormFields {
    /// - Returns: nil where there is no such field.
    /// - Throws: ``Problem`` 400 where it is no such number.
    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem.invalid(
                "\(name): expected \(range.lowerBound) to \(range.upperBound), not \"\(text)\".", field: name)
        }
        return number
    }
}

extension KnocknocRequestContext {
    /// The identifier in the path.
    ///
    /// - Throws: ``Problem`` 404, since no thing can have another kind of identifier.
    func identifier<Subject>(_ what: String) throws -> Identifier<Subject> {
        let text = parameters.get("id") ?? ""
        guard let id = Identifier<Subject>(text) else {
            throw Problem.notFound("no \(what) \"\(text.prefix(64))\"; an id is a UUID")
        }
        return id
    }
}

extension Request {
    /// The version that the client has seen, from `If-Match`; nil where it does not mind.
    ///
    /// - Throws: ``Problem`` 400.
    func seenVersion() throws -> Int64? {
        guard var text = headers[.ifMatch]?[...], text != "*" else { return nil }
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        let digits = text.filter { $0 != "\"" }
        guard let version = Int64(digits) else {
            throw Problem.invalid(
                "If-Match: expected the ETag of the answer that you saw, such as \"3\".", field: "If-Match")
        }
        return version
    }
}

extension Response {
    /// One record with its version as ETag.
    static func record(_ json: JSON, version: Int64, status: HTTPResponse.Status = .ok, at path: String? = nil)
        -> Response
    {
        var headers: HTTPFields = [.eTag: "\"\(version)\""]
        if let path { headers[.location] = path }
        return .json(json, status: status, headers: headers)
    }
}
