import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocModel
import Logging
import Synchronization

/// The first and last to see a request: who asks and how, security headers, errors in the right form, the access log.
struct EdgeMiddleware: RouterMiddleware {
    typealias Context = KnocknocRequestContext

    let site: Site
    let notices = ForwarderNotices()

    func handle(
        _ request: Request, context: KnocknocRequestContext,
        next: (Request, KnocknocRequestContext) async throws -> Response
    ) async throws -> Response {
        let began = ContinuousClock.now
        var context = context
        let rule = site.live.addressRule
        let hops = request.headers[values: .forwardedFor]
        context.client = rule.decide(peer: context.peer, forwardedFor: hops)
        let isForwarded = !hops.isEmpty || !request.headers[values: .forwardedProto].isEmpty
        context.knownAddress = rule.origin(
            context.client, peer: context.peer, namesClient: !hops.isEmpty, isForwarded: isForwarded)
        context.https = site.settings.tls != .none || forwardedHTTPS(request, context, rule)
        context.onThisMachine =
            context.knownAddress?.isLoopback == true && HostRule.isThisMachine(request.head.authority)
            && request.headers[values: .forwardedProto].isEmpty
        context.userAgent = request.headers[.userAgent].map { String($0.prefix(256)) }
        // A load balancer's own checks come for nobody.
        if case .refused(_, _, let remedy?) = context.client, !isCheck(request) {
            notices.tell(remedy, context.logger)
        }

        var response: Response
        do {
            try admit(request, context)
            response = try await next(request, context)
        } catch {
            response = answer(error, request, context)
        }
        site.headers.apply(to: &response.headers, https: context.https)
        response.headers[.requestID] = context.requestID
        // A connection that is used again could be closed by our stop while a request is on its way.
        if site.phase.value == .draining { response.headers[.connection] = "close" }
        log(request, context, response, ContinuousClock.now - began)
        return response
    }

    private func isCheck(_ request: Request) -> Bool { ["/health", "/livez"].contains(request.uri.path) }

    private func forwardedHTTPS(
        _ request: Request, _ context: KnocknocRequestContext, _ rule: ClientAddressRule
    ) -> Bool {
        guard let peer = context.peer, rule.trusts(peer) else { return false }
        let last = request.headers[values: .forwardedProto].last?.split(separator: ",").last
        return last.map { $0.lowercased().filter { $0 != " " } } == "https"
    }

    private func admit(_ request: Request, _ context: KnocknocRequestContext) throws {
        let path = request.uri.path
        if isCheck(request) { return }
        guard site.hosts.allows(request.head.authority, local: context.local) else {
            throw Problem(
                .misdirectedRequest, "host", "Not this server",
                "This server does not go by the name in the address. Set PublicURL to the address that people use.")
        }
        if site.hosts.isProbeOnly(request.head.authority), path != ProbeRoutes.path {
            throw Problem(
                .misdirectedRequest, "host", "Not here",
                "This name serves to find out addresses alone. The site's own address is another one.")
        }
        if path.hasPrefix("/assets/") || path == "/api/v1/ping" || path == "/api/v1/openapi.json" { return }
        if case .starting(let why) = site.phase.value {
            throw Problem.unavailable("Not ready yet: \(why). Try again in a moment.")
        }
    }

    private func answer(_ error: any Error, _ request: Request, _ context: KnocknocRequestContext) -> Response {
        var problem = Problem(error)
        if problem.status == .notFound, problem.kind == "not-found", error is any HTTPResponseError {
            let methods = site.routes.methods(of: request.uri.path)
            if !methods.isEmpty {
                problem = Problem(
                    .methodNotAllowed, "method", "Not with this method",
                    "\(request.uri.path) takes \(methods.joined(separator: ", ")), not \(request.method.rawValue)."
                ).with(.allow, methods.joined(separator: ", "))
            }
        }
        if problem.status == .internalServerError, !(error is CancellationError) {
            context.logger.error("request failed", metadata: ["error": "\(error)"])
        }
        let wantsPage =
            !request.uri.path.hasPrefix("/api/") && !request.uri.path.hasPrefix("/agent/")
            && request.headers[.accept]?.contains("text/html") == true
        return wantsPage ? ErrorPage.response(problem, site, context) : problem.jsonResponse()
    }

    private func log(
        _ request: Request, _ context: KnocknocRequestContext, _ response: Response, _ took: Duration
    ) {
        let path = request.uri.path
        // What browsers and load balancers ask for all the time is news only where it fails.
        let isRoutine =
            isCheck(request) || path.hasPrefix("/assets/")
            || request.method == .get && path.hasPrefix("/api/v1/me") && response.status == .ok
            || path.hasPrefix(AllowListRequest.folder) && [.ok, .notModified].contains(response.status)
        let level: Logger.Level = isRoutine ? .debug : .info
        let microseconds = took.components.seconds * 1_000_000 + took.components.attoseconds / 1_000_000_000_000
        context.logger.log(
            level: level, "request",
            metadata: [
                "method": .string(request.method.rawValue), "path": .string(path),
                "status": .stringConvertible(response.status.code),
                "ms": .string("\(microseconds / 1000).\(microseconds / 100 % 10)"),
                "client": .string(context.clientAddress?.description ?? "-"),
            ])
    }
}

/// Says which line would mend a misconfigured forwarder, once a minute at most.
final class ForwarderNotices: Sendable {
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    func tell(_ remedy: String, _ logger: Logger) {
        let now = ContinuousClock.now
        let due = last.withLock { last in
            if let before = last, now - before < .seconds(60) { return false }
            last = now
            return true
        }
        if due { logger.warning("nothing is granted to such a request: \(remedy)") }
    }
}
