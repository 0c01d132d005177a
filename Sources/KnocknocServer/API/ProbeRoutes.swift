import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel
import Logging

/// Where a browser shows the address that it has in one family, by names that have addresses of that family only. The
/// token in the body says whose it is: cookies and Authorization are not looked at, and it may land on any node.
struct ProbeRoutes: Sendable {
    static let path = "/api/v1/probe"

    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.post, "api/v1/probe") { request, context in
            do {
                try checkOrigin(request)
                let body = try await request.json(ProbeBody.self)
                let address = try await site.access.probe(token: body.token, context.origin)
                return readable(.json(.object([("address", JSON(address))])))
            } catch {
                let problem = Problem(error)
                if problem.status == .internalServerError {
                    context.logger.error("request failed", metadata: ["error": "\(error)"])
                }
                return readable(problem.jsonResponse())
            }
        }
    }

    /// A browser says which page asks: one of ours. What has a token and is no browser says nothing.
    private func checkOrigin(_ request: Request) throws {
        guard !site.settings.probeURLs.isEmpty else { throw Problem.notFound("no ProbeURLs at this site") }
        let origins = request.headers[values: .origin]
        guard origins.allSatisfy({ WebOrigin($0) == site.settings.publicURL }), origins.count <= 1 else {
            throw Problem.forbidden("This request comes from a page of another site.", kind: "csrf")
        }
    }

    /// Pages of PublicURL may read the answer, and no others.
    private func readable(_ response: Response) -> Response {
        guard let page = site.settings.publicURL else { return response }
        var response = response
        response.headers[.accessControlAllowOrigin] = page.description
        response.headers[.vary] = "Origin"
        return response
    }
}

private struct ProbeBody: Decodable {
    var token: String

    private enum CodingKeys: String, CodingKey, CaseIterable { case token }

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        token = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .token)
    }
}
