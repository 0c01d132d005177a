import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// Sign-in and sign-out of users and of administrators.
struct SignInRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.post, "api/v1/login") { request, context in
            let body = try await self.body(request, context)
            do {
                let signIn = try await site.access.signIn(
                    user: body.username, password: body.password,
                    replacing: SessionCookie.user.value(request, https: context.https), context.origin)
                return answer(signIn, .user, context)
            } catch let error as AccessError where error.code == .unauthenticated {
                throw Problem.signInRefused(error)
            }
        }
        router.answer(.post, "api/v1/logout") { request, context in
            let session = try await site.requireUser(request, context)
            try await site.access.signOut(session, context.origin)
            return Response.noContent.adding(cookie: SessionCookie.user.cleared(https: context.https))
        }
        router.answer(.post, "api/v1/admin/login") { request, context in
            let body = try await self.body(request, context)
            do {
                let signIn = try await site.access.signIn(
                    admin: body.username, password: body.password,
                    replacing: SessionCookie.admin.value(request, https: context.https), context.origin)
                return answer(signIn, .admin, context)
            } catch let error as AccessError where error.code == .unauthenticated {
                throw Problem.signInRefused(error)
            }
        }
        router.answer(.post, "api/v1/admin/logout") { request, context in
            let session = try await site.requireAdmin(request, context)
            try await site.access.signOut(session, context.origin)
            return Response.noContent.adding(cookie: SessionCookie.admin.cleared(https: context.https))
        }
    }

    private func body(_ request: Request, _ context: KnocknocRequestContext) async throws -> SignInBody {
        try site.requireSecure(context)
        try site.refuseForeignOrigin(request, context)
        return try await request.json(SignInBody.self)
    }

    private func answer(
        _ signIn: SignIn, _ cookie: SessionCookie, _ context: KnocknocRequestContext
    ) -> Response {
        let session = signIn.session
        let person = JSON.object([
            ("id", .text(session.principal.identifier)), ("username", .text(session.name)),
            ("display_name", JSON(session.displayName)),
        ])
        return Response.json(
            .object(
                [
                    ("token", .text(signIn.token)), ("expires_at", JSON(session.expiresAt)),
                    ("csrf", .text(session.csrf)),
                    (session.principal.kind, person),
                ] + (cookie == .admin ? [("user", person)] : []))
        ).adding(cookie: cookie.set(signIn.token, https: context.https))
    }
}
