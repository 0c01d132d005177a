import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocStore

/// `/health`, `/livez` and `/api/v1/ping`.
struct HealthRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.get, "health") { _, _ in try await health() }
        router.answer(.get, "livez") { _, _ in Response.json(.object([("status", .text("ok"))])) }
        router.answer(.get, "api/v1/ping") { _, _ in
            let zone = site.settings.zone.map { [("zone", JSON.text($0))] }
            return Response.json(.object([("reply", .text("pong"))] + (zone ?? [])))
        }
        router.answer(.get, "api/v1/openapi.json") { _, _ in
            guard let text = site.assets.text("openapi.json") else { throw Problem.notFound("no description here") }
            return Response(
                status: .ok, headers: [.contentType: "application/json", .cacheControl: "public, max-age=300"],
                body: .init(byteBuffer: .init(string: text)))
        }
    }

    private func health() async throws -> Response {
        var status = "ok"
        switch site.phase.value {
        case .ready: break
        case .draining: status = "draining"
        case .starting(let why): return answer("starting", nil, detail: why)
        }
        do {
            return answer(status, try await site.database.health(), detail: nil)
        } catch {
            return answer("unavailable", nil, detail: "the database does not answer")
        }
    }

    private func answer(_ status: String, _ database: DatabaseHealth?, detail: String?) -> Response {
        var members: [(String, JSON)] = [
            ("status", .text(status)), ("role", .text("server")), ("node", .text(site.settings.nodeName)),
            ("db", .text(database == nil ? "unavailable" : "ok")), ("schema", JSON(database?.schema)),
            ("events", JSON(database?.events)), ("durability", JSON(database?.durability)),
        ]
        if let detail { members.append(("detail", .text(detail))) }
        let fine = status == "ok"
        return .json(
            .object(members), status: fine ? .ok : .serviceUnavailable, headers: fine ? [:] : [.retryAfter: "2"])
    }
}
