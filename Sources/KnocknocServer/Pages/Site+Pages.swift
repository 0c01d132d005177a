import Hummingbird
import HummingbirdCore

extension Site {
    /// The portal and the administration.
    func addPages(to router: KnocknocRouter) {
        PortalPages(site: self).add(to: router)
        AdminGatePages(site: self).add(to: router)
        OverviewPages(site: self).add(to: router)
        ResourcePages(site: self, resource: UserResource(access: access)).add(to: router)
        ResourcePages(site: self, resource: GroupResource(access: access)).add(to: router)
        ResourcePages(site: self, resource: KnocResource(access: access, origin: settings.publicURL)).add(to: router)
        ResourcePages(site: self, resource: AgentResource(access: access)).add(to: router)
        ResourcePages(site: self, resource: AdminAccountResource(access: access)).add(to: router)
        ResourcePages(site: self, resource: APIKeyResource(access: access)).add(to: router)
        TargetPages(site: self).add(to: router)
        AgentPages(site: self).add(to: router)
        LivePages(site: self).add(to: router)
        AuditPages(site: self).add(to: router)
    }

    /// Answers a page of the administration, or leads to the sign-in.
    func adminPage(
        _ request: Request, _ context: KnocknocRequestContext,
        _ body: (AdminRequest) async throws -> Response
    ) async throws -> Response {
        guard let session = try await adminSession(request, context) else { return .seeOther("/admin/login") }
        return try await body(AdminRequest(session: session, context: context.origin))
    }

    /// Answers a form of the administration after checking that it is ours, or leads to the sign-in.
    func adminForm(
        _ request: Request, _ context: KnocknocRequestContext,
        _ body: (AdminRequest, FormValues) async throws -> Response
    ) async throws -> Response {
        guard let session = try await adminSession(request, context) else { return .seeOther("/admin/login") }
        let form = try await request.form()
        try checkForm(form, session, request, context)
        return try await body(AdminRequest(session: session, context: context.origin), FormValues(form))
    }
}

extension KnocknocRequestContext {
    /// - Throws: ``Problem`` 404 where the path's part is no identifier.
    func identifier<ID: LosslessStringConvertible>(_ name: String = "id", _ type: ID.Type = ID.self) throws -> ID {
        guard let id = parameters.get(name).flatMap({ ID($0) }) else { throw Problem.notFound("no such thing here") }
        return id
    }
}

extension Request {
    /// The news that a redirect brought along.
    var notice: Notice? { query["done"].flatMap(Notice.Word.init)?.notice }
    var query: FormFields { FormFields(query: uri.query) }
}
