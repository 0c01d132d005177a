import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocModel
import NIOCore

enum RequestBodyLimit {
    /// Nothing that the API or a form takes is longer.
    static let bytes = 64 * 1024
}

extension Request {
    /// The whole body.
    ///
    /// - Throws: ``Problem`` 413 where it is longer than 64 KiB.
    func wholeBody() async throws -> ByteBuffer {
        let limit = RequestBodyLimit.bytes
        if let length = headers[.contentLength].flatMap(Int.init), length > limit {
            throw Problem.tooLarge(limit: limit)
        }
        var whole = ByteBuffer()
        for try await var part in body {
            guard whole.readableBytes + part.readableBytes <= limit else { throw Problem.tooLarge(limit: limit) }
            whole.writeBuffer(&part)
        }
        return whole
    }

    /// The body as a JSON object.
    ///
    /// - Throws: ``Problem`` 400 saying where the JSON is malformed or which field is wrong.
    func json<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        guard let value = try await optionalJSON(type) else {
            throw Problem.invalid("The body is empty; expected a JSON object.")
        }
        return value
    }

    /// The body as a JSON object; nil where there is none.
    ///
    /// - Throws: ``Problem`` 400 as ``json(_:)``.
    func optionalJSON<Value: Decodable>(_ type: Value.Type) async throws -> Value? {
        let body = try await wholeBody()
        guard body.readableBytes > 0 else { return nil }
        do {
            return try JSONText.decode(type, from: body.readableBytesView)
        } catch let error as DecodingError {
            if let fault = JSONSyntax.fault(in: Array(body.readableBytesView)) {
                throw Problem.invalid("The body is not JSON: \(fault).")
            }
            throw Problem(decoding: error)
        }
    }

    /// The body as the fields of a form, `application/x-www-form-urlencoded`.
    func form() async throws -> FormFields { FormFields(Array(try await wholeBody().readableBytesView)) }
}
