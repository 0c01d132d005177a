import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel
import NIOCore

/// `GET /edl/<uuid>`: lists of addresses for devices that fetch them.
struct AllowListRoutes: Sendable {
    let site: Site
    private let bodies = AllowListBodies()

    init(site: Site) { self.site = site }

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.get, "edl/:name") { request, context in try await answer(request, context) }
    }

    private func answer(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        guard context.https || site.settings.insecureHTTP || context.onThisMachine else {
            throw Problem.forbidden(
                "The key would travel over plain HTTP, where others can read it. Fetch the list by https.",
                kind: "insecure-http")
        }
        guard
            let wanted = AllowListRequest(
                name: context.parameters.get("name") ?? "", accept: request.headers[.accept])
        else { throw Problem.notFound("no such list; its address is on the page of its Knoc") }
        guard let secret = APIKeyCredential.secret(inHeader: request.headers[.authorization]) else {
            throw Self.unknownKey
        }
        let found = try await site.access.allowList(
            wanted.list, secret: secret, as: wanted.format, from: context.knownAddress, peer: context.peer)
        switch found {
        case .unknownKey: throw Self.unknownKey
        case .noList: throw Problem.notFound("no such list; its address is on the page of its Knoc")
        case .refused(let reason): throw Problem.forbidden(Sentence.of(reason), kind: "api-key")
        case .list(let document): return response(document.form(wanted.format), wanted.format, request)
        }
    }

    private static let unknownKey = Problem(
        .unauthorized, "unauthenticated", "An API key is needed",
        "Send the secret of an API key as the password, with any user name, or as a Bearer token."
    ).with(.wwwAuthenticate, AllowListRequest.challenge)

    private func response(
        _ form: AllowListDocument.Form, _ format: AllowListFormat, _ request: Request
    ) -> Response {
        var headers: HTTPFields = [
            .eTag: form.tag, .cacheControl: "private, no-cache", .vary: "Accept, Authorization",
        ]
        if EntityTag.matches(request.headers[.ifNoneMatch], form.tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = format.contentType
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: bodies.body(of: form)))
    }
}
