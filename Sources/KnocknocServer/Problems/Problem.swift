import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// An error as clients see it (RFC 9457): what is wrong and what to do, in a sentence.
struct Problem: Error, Sendable, CustomStringConvertible {
    var status: HTTPResponse.Status
    /// The last part of the `type` URN: stable, for programs.
    var kind: String
    var title: String
    var detail: String
    /// The field of the body or query that is wrong.
    var field: String?
    /// What programs want to know beside it.
    var members: [(String, JSON)] = []
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ kind: String, _ title: String, _ detail: String, field: String? = nil) {
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.field = field
    }

    var description: String { "\(status.code) \(kind): \(detail)" }

    func with(_ name: HTTPField.Name, _ value: String) -> Problem {
        var copy = self
        copy.headers[name] = value
        return copy
    }
}

extension Problem {
    /// The answer in JSON, `application/problem+json`.
    func jsonResponse() -> Response {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    /// The body in JSON.
    var text: String {
        var members: [(String, JSON)] = [
            ("type", .text("urn:knocknoc:problem:" + kind)), ("title", .text(title)),
            ("status", .integer(Int64(status.code))), ("detail", .text(detail)),
        ]
        if let field { members.append(("field", .text(field))) }
        members += self.members
        return JSON.object(members).description
    }
}
