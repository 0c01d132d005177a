import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// Signing in and out as an administrator, and making the first one.
struct AdminGatePages {
    let site: Site

    func add(to router: KnocknocRouter) {
        router.get("admin/login") { request, context in try await form(request, context) }
        router.post("admin/login") { request, context in try await signIn(request, context) }
        router.post("admin/logout") { request, context in try await signOut(request, context) }
        router.get("admin/setup") { request, context in
            try site.requireSecure(context)
            guard try await site.access.needsFirstAdmin() else { return Self.taken }
            return try setUpPage(request, context)
        }
        router.post("admin/setup") { request, context in try await setUp(request, context) }
    }

    /// There is nothing to set up any more.
    private static var taken: Response { .seeOther("/admin/login?done=claimed") }

    private func form(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        if try await site.adminSession(request, context) != nil { return .seeOther("/admin") }
        try site.requireSecure(context)
        return try await signInPage(request, context)
    }

    private func signInPage(
        _ request: Request, _ context: KnocknocRequestContext, typed: FormValues = FormValues(),
        problem: Problem? = nil
    ) async throws -> Response {
        let (token, cookie) = site.preSession(request, context)
        var page = SignInPage.passwords(
            frame: site.gateFrame("Administrator sign-in", admin: true, csrf: token, context), typed: typed,
            problem: problem)
        if page.frame.notice == nil { page.frame.notice = request.notice }
        if try await site.access.needsFirstAdmin() {
            page.after = SignInPage.After(
                text: "There is no administrator yet.", href: "/admin/setup", label: "Make the first one")
        }
        return try site.renderer.page("sign-in", page, status: problem?.status ?? .ok)
            .adding(headersOf: problem).adding(optionalCookie: cookie)
    }

    private func signIn(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        try site.requireSecure(context)
        let form = try await request.form()
        try site.checkPreSession(form, request, context)
        let typed = FormValues(form)
        do {
            let signIn = try await site.access.signIn(
                admin: typed.text("username"), password: typed.raw("password"),
                replacing: SessionCookie.admin.value(request, https: context.https), context.origin)
            return entered(signIn, context)
        } catch let error as AccessError {
            return try await signInPage(request, context, typed: typed, problem: Problem(error))
        }
    }

    private func entered(_ signIn: SignIn, _ context: KnocknocRequestContext) -> Response {
        Response.seeOther("/admin").adding(cookie: SessionCookie.admin.set(signIn.token, https: context.https))
    }

    private func signOut(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        try await site.adminForm(request, context) { asked, _ in
            try await site.access.signOut(asked.session, asked.context)
            return Response.seeOther("/admin/login")
                .adding(cookie: SessionCookie.admin.cleared(https: context.https))
        }
    }

    private func setUpPage(
        _ request: Request, _ context: KnocknocRequestContext, typed: FormValues = FormValues(),
        errors: [String: String] = [:], problem: Problem? = nil
    ) throws -> Response {
        let (token, cookie) = site.preSession(request, context)
        let page = SignInPage.setUp(
            frame: site.gateFrame("Set up", admin: true, csrf: token, context), typed: typed, errors: errors,
            problem: errors.isEmpty ? problem?.pageText : nil)
        return try site.renderer.page("sign-in", page, status: problem?.status ?? .ok)
            .adding(headersOf: problem).adding(optionalCookie: cookie)
    }

    private func setUp(_ request: Request, _ context: KnocknocRequestContext) async throws -> Response {
        try site.requireSecure(context)
        let form = try await request.form()
        try site.checkPreSession(form, request, context)
        let typed = FormValues(form)
        do {
            let signIn = try await site.access.redeem(
                setUp: typed.text("code"), name: typed.text("name"), password: typed.raw("password"), context.origin)
            return entered(signIn, context)
        } catch let error as AccessError {
            guard try await site.access.needsFirstAdmin() else { return Self.taken }
            let field = error.field == "username" ? "name" : error.field
            let errors =
                field.map { ["code", "name", "password"].contains($0) ? [$0: Sentence.of(error.message)] : [:] } ?? [:]
            return try setUpPage(request, context, typed: typed, errors: errors, problem: Problem(error))
        }
    }
}
