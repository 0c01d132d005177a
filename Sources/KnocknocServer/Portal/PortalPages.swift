import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// The user's pages. Every button is a form, so all of it works without scripts.
struct PortalPages {
    let site: Site

    func add(to router: KnocknocRouter) {
        router.get("/") { request, context in try await portal(request, context) }
        router.get("login") { request, context in try await form(request, context) }
        router.post("login") { request, context in try await signIn(request, context) }
        router.post("address") { request, context in try await move(request, context) }
        router.post("logout") { request, context in try await signOut(request, context) }
        router.post("knocs/:id/grant") { request, context in
            try await act(request, context) { knoc, session in
                try await site.access.grant(knoc, session, context.origin)
            }
        }
        router.post("knocs/:id/revoke") { request, context in
            try await act(request, context) { knoc, session in
                try await site.access.revoke(knoc, session, context.origin)
            }
        }
    }

    private func portal(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        let query = request.query
        let address = query["referrer"].flatMap(ReturnAddress.init)
        guard let credential = site.credential(.user, request, context),
            let (session, knocs) = try await site.portal(credential, context)
        else { return .seeOther("/login" + BackLink.query(address)) }
        let back = BackLink(address, among: knocs)
        var response = try await page(session, knocs, context, back: back)
        // Once, right after it was opened here: whoever is refused there all the same is not sent around in a circle.
        if let back, back.isOpen, query["return"] == "now", let refresh = HTTPField.Name("Refresh") {
            response.headers[refresh] = "0; url=\(back.url)"
        }
        return response
    }

    private func page(
        _ session: Session, _ knocs: [KnocItem], _ context: KnocknocRequestContext, back: BackLink? = nil,
        notice: Notice? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        var frame = site.frame("Your access", csrf: session.csrf, context)
        frame.notice = notice
        var page = PortalPage(frame: frame, session: session, knocs: knocs, back: back)
        page.probes = !site.settings.probeURLs.isEmpty
        page.change = try await site.access.change(of: session, context.origin).map(PortalPage.Change.init)
        return try site.renderer.page("portal", page, status: status)
    }

    private func move(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        let form = try await request.form()
        let address = form["referrer"].flatMap(ReturnAddress.init)
        guard let session = try await site.userSession(request, context) else {
            return .seeOther("/login" + BackLink.query(address))
        }
        try site.checkForm(form, session, request, context)
        do {
            _ = try await site.access.move(session, password: form["password"], context.origin)
            return .seeOther("/" + BackLink.query(address, returning: true))
        } catch let error as AccessError where error.code != .unauthenticated {
            let knocs = try await site.access.knocs(of: session)
            return try await page(
                session, knocs, context, back: BackLink(address, among: knocs),
                notice: .problem(Problem(error).pageText), status: Problem(error).status)
        }
    }

    private func act(
        _ request: Request, _ context: KnocknocRequestContext,
        _ action: (KnocID, Session) async throws -> KnocItem
    ) async throws -> Response {
        let form = try await request.form()
        let address = form["referrer"].flatMap(ReturnAddress.init)
        guard let session = try await site.userSession(request, context) else {
            return .seeOther("/login" + BackLink.query(address))
        }
        try site.checkForm(form, session, request, context)
        let knoc: KnocID = try context.identifier()
        do {
            let item = try await action(knoc, session)
            // Usually the agent has confirmed by then, and the next page already says so.
            if item.state.isUnsettled { _ = try await site.access.settled(knoc, session, within: .seconds(1)) }
            return .seeOther("/" + BackLink.query(address, returning: true))
        } catch let error as AccessError where error.code != .unauthenticated {
            let knocs = try await site.access.knocs(of: session)
            return try await page(
                session, knocs, context, back: BackLink(address, among: knocs),
                notice: .problem(Problem(error).detail), status: Problem(error).status)
        }
    }

    private func form(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        let address = request.query["referrer"].flatMap(ReturnAddress.init)
        if try await site.userSession(request, context) != nil { return .seeOther("/" + BackLink.query(address)) }
        try site.requireSecure(context)
        return try signInPage(request, context, address)
    }

    private func signInPage(
        _ request: Request, _ context: KnocknocRequestContext, _ address: ReturnAddress?,
        typed: FormValues = FormValues(), problem: Problem? = nil
    ) throws -> Response {
        let (token, cookie) = site.preSession(request, context)
        var page = SignInPage.passwords(
            frame: site.gateFrame("Sign in", admin: false, csrf: token, context), typed: typed, problem: problem)
        page.referrer = address?.text
        return try site.renderer.page("sign-in", page, status: problem?.status ?? .ok)
            .adding(headersOf: problem).adding(optionalCookie: cookie)
    }

    private func signIn(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        try site.requireSecure(context)
        let form = try await request.form()
        try site.checkPreSession(form, request, context)
        let typed = FormValues(form)
        let address = form["referrer"].flatMap(ReturnAddress.init)
        do {
            let signIn = try await site.access.signIn(
                user: typed.text("username"), password: typed.raw("password"),
                replacing: SessionCookie.user.value(request, https: context.https), context.origin)
            return Response.seeOther("/" + BackLink.query(address, returning: true))
                .adding(cookie: SessionCookie.user.set(signIn.token, https: context.https))
        } catch let error as AccessError {
            return try signInPage(request, context, address, typed: typed, problem: Problem(error))
        }
    }

    private func signOut(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        guard let session = try await site.userSession(request, context) else { return .seeOther("/login") }
        try site.checkForm(try await request.form(), session, request, context)
        try await site.access.signOut(session, context.origin)
        return Response.seeOther("/login").adding(cookie: SessionCookie.user.cleared(https: context.https))
    }
}

extension Response {
    func adding(optionalCookie: String?) -> Response { optionalCookie.map { adding(cookie: $0) } ?? self }

    /// Adds what a problem tells programs, such as Retry-After.
    func adding(headersOf problem: Problem?) -> Response {
        var copy = self
        for field in problem?.headers ?? [:] where field.name != .wwwAuthenticate { copy.headers.append(field) }
        return copy
    }
}
