import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// A session with how the request proved it.
struct Credential: Sendable {
    var token: String
    /// A cookie travels by itself, so writes by it need more proof; a Bearer token does not.
    var byCookie: Bool
}

extension Site {
    /// The token that a request carries: `Authorization: Bearer`, which makes the cookie irrelevant, or the cookie.
    func credential(_ cookie: SessionCookie, _ request: Request, _ context: KnocknocRequestContext) -> Credential? {
        if let header = request.headers[.authorization] {
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return Credential(token: String(parts[1]), byCookie: false)
        }
        return cookie.value(request, https: context.https).map { Credential(token: $0, byCookie: true) }
    }

    /// The user's session, nil where nobody is signed in.
    func userSession(_ request: Request, _ context: KnocknocRequestContext) async throws -> Session? {
        guard let credential = credential(.user, request, context),
            let session = try await access.session(user: credential.token)
        else { return nil }
        access.note(session, at: context.origin.client)
        return session
    }

    /// The user's session with its Knocs, nil where nobody is signed in.
    func portal(
        _ credential: Credential, _ context: KnocknocRequestContext
    ) async throws -> (session: Session, knocs: [KnocItem])? {
        guard let portal = try await access.portal(token: credential.token) else { return nil }
        access.note(portal.session, at: context.origin.client)
        return portal
    }

    /// The administrator's session, nil where nobody is signed in.
    func adminSession(_ request: Request, _ context: KnocknocRequestContext) async throws -> Session? {
        guard let credential = credential(.admin, request, context) else { return nil }
        return try await access.session(admin: credential.token)
    }

    /// The user's session for the API; a write by cookie must carry `X-CSRF-Token` and come from our own pages.
    ///
    /// - Throws: ``Problem`` 401 or 403.
    func requireUser(_ request: Request, _ context: KnocknocRequestContext) async throws -> Session {
        guard let credential = credential(.user, request, context),
            let session = try await access.session(user: credential.token)
        else { throw Problem.unauthenticated("Sign in with POST /api/v1/login and send the token.") }
        access.note(session, at: context.origin.client)
        try proveWrite(credential, session, request, context)
        return session
    }

    /// The administrator's session for the API; see ``requireUser(_:_:)``.
    func requireAdmin(_ request: Request, _ context: KnocknocRequestContext) async throws -> Session {
        guard let credential = credential(.admin, request, context),
            let session = try await access.session(admin: credential.token)
        else { throw Problem.unauthenticated("Sign in with POST /api/v1/admin/login and send the token.") }
        try proveWrite(credential, session, request, context)
        return session
    }

    private func proveWrite(
        _ credential: Credential, _ session: Session, _ request: Request, _ context: KnocknocRequestContext
    ) throws {
        guard credential.byCookie, request.method != .get, request.method != .head else { return }
        try requireSameOrigin(request, context)
        guard Secret.equal(request.headers[.csrfToken] ?? "", session.csrf) else {
            throw Problem.forbidden("The X-CSRF-Token header does not belong to this session.", kind: "csrf")
        }
    }

    /// - Throws: ``Problem`` 403 unless the browser says that the request comes from our own pages.
    func requireSameOrigin(_ request: Request, _ context: KnocknocRequestContext) throws {
        guard OriginRule.verdict(request, https: context.https, publicURL: settings.publicURL) == .same else {
            throw Problem.forbidden(
                "This request does not come from a page of this server. Reload the page and try again.", kind: "csrf")
        }
    }

    /// Checks a form of a signed-in page: same origin and the hidden field `csrf`.
    ///
    /// - Throws: ``Problem`` 403.
    func checkForm(
        _ form: FormFields, _ session: Session, _ request: Request, _ context: KnocknocRequestContext
    ) throws {
        try requireSameOrigin(request, context)
        guard Secret.equal(form["csrf"] ?? "", session.csrf) else {
            throw Problem.forbidden(
                "The form is not of this session any more. Reload the page and try again.", kind: "csrf")
        }
    }
}
