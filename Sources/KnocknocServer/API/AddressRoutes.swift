import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// The addresses of one signed-in user: the one that the request comes from, and others that the browser has.
struct AddressRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.post, "api/v1/me/addresses") { request, context in
            let session = try await site.requireUser(request, context)
            let body = try await request.optionalJSON(AddressBody.self)
            let moved = try await site.access.move(session, password: body?.password, context.origin)
            return .json(moved.me(change: nil))
        }
        router.answer(.post, "api/v1/me/probes") { request, context in
            let session = try await site.requireUser(request, context)
            let urls = site.settings.probeURLs
            let probes = try await site.access.probes(for: session, count: urls.count)
            let items = zip(urls, probes).map { url, probe in
                JSON.object([
                    ("url", .text(url.description + ProbeRoutes.path)), ("token", .text(probe.token)),
                    ("expires_at", JSON(probe.expiresAt)),
                ])
            }
            return .json(.object([("items", .list(items))]), status: .created)
        }
    }
}

/// The body of a move, which may be left out.
struct AddressBody: Decodable {
    /// Asked for where the session has moved often lately.
    var password: String?

    private enum CodingKeys: String, CodingKey, CaseIterable { case password }

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        password = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(String.self, forKey: .password)
    }
}

extension Session {
    /// What `GET /api/v1/me` answers.
    ///
    /// - Parameter change: where the request came from, if nothing is open for that address yet.
    func me(change: AddressChange?) -> JSON {
        .object([
            (
                "user",
                .object([
                    ("id", .text(principal.identifier)), ("username", .text(name)), ("display_name", JSON(displayName)),
                ])
            ),
            (
                "session",
                .object([
                    ("id", JSON(id)), ("address", JSON(address)), ("address_reason", JSON(addressReason)),
                    ("addresses", .list(addresses.map(\.json))),
                    (
                        "address_change",
                        change.map { .object([("address", JSON($0.address)), ("ask", .bool($0.asks))]) } ?? .null
                    ),
                    ("created_at", JSON(createdAt)), ("expires_at", JSON(expiresAt)), ("csrf", .text(csrf)),
                ])
            ),
        ])
    }
}
