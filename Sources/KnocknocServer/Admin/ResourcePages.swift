import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// The pages of one kind of thing: list, new, edit, delete. Every form answers with a redirect or with itself.
struct ResourcePages<Resource: AdminResource> {
    let site: Site
    let resource: Resource

    var words: ResourceWords { Resource.words }
    var root: String { "/admin/" + words.path }

    func add(to router: KnocknocRouter) {
        let pages = router.group(RouterPath("admin/" + words.path))
        pages.get { request, context in
            try await site.adminPage(request, context) { asked in try await list(asked, request, context) }
        }
        pages.post { request, context in
            try await site.adminForm(request, context) { asked, typed in try await create(typed, asked, context) }
        }
        pages.get("new") { request, context in
            try await site.adminPage(request, context) { asked in
                let values = try await resource.values(of: nil)
                return try await form(nil, values, FormErrors(), asked, context, request.notice)
            }
        }
        pages.get(":id") { request, context in
            try await site.adminPage(request, context) { asked in
                let record = try await resource.record(try context.identifier())
                let values = try await resource.values(of: record)
                return try await form(record, values, FormErrors(), asked, context, request.notice)
            }
        }
        pages.post(":id") { request, context in
            try await site.adminForm(request, context) { asked, typed in try await update(typed, asked, context) }
        }
        pages.get(":id/delete") { request, context in
            try await site.adminPage(request, context) { asked in
                try await confirm(try await resource.record(try context.identifier()), asked, context)
            }
        }
        pages.post(":id/delete") { request, context in
            try await site.adminForm(request, context) { asked, typed in try await delete(typed, asked, context) }
        }
    }

    private func list(
        _ asked: AdminRequest, _ request: Request, _ context: KnocknocRequestContext
    ) async throws -> Response {
        let size = 50
        let after = request.query["after"].flatMap { Resource.ID($0) }
        let choices = try await resource.choices()
        let choice = choices.flatMap { request.query[$0.name] }.flatMap { $0.isEmpty ? nil : $0 }
        let records = try await resource.list(after: after, limit: size + 1, choice: choice)
        let shown = Array(records.prefix(size))
        let (columns, rows) = try await resource.table(shown)
        let new = Link(href: root + "/new", label: "\(words.adds) \(words.one)")
        let table = Table(
            words.title, columns: columns, rows: rows,
            empty: choice.map {
                Table.Empty(icon: words.icon, title: "Nothing in \"\($0)\"", text: "Choose another above.", action: nil)
            } ?? Table.Empty(icon: words.icon, title: words.emptyTitle, text: words.emptyText, action: new))
        let narrowed = choices.flatMap { choices in choice.map { "\(choices.name)=\($0.queryEscaped)" } }
        let next = records.count > size ? shown.last.map { "?after=\(resource.face($0).id)" } : nil
        let first = root + (narrowed.map { "?" + $0 } ?? "")
        let page = ListPage(
            frame: site.adminFrame(words.title, current: words.path, asked.session, context, notice: request.notice),
            heading: Heading(title: words.title, lead: words.lead, action: rows.isEmpty ? nil : new),
            narrowing: choices.map { ListPage.Narrowing(action: root, field: $0.field(choice)) }, table: table,
            live: words.path == "agents",
            pager: next == nil && after == nil
                ? nil
                : ListPage.Pager(
                    first: after.map { _ in first }, next: next.map { root + $0 + (narrowed.map { "&" + $0 } ?? "") }))
        return try site.renderer.page("list", page)
    }

    private func create(
        _ typed: FormValues, _ asked: AdminRequest, _ context: KnocknocRequestContext
    ) async throws -> Response {
        do {
            let made = try await resource.create(typed, by: asked)
            if let secret = made.secret {
                let frame = site.adminFrame(made.name, current: words.path, asked.session, context)
                let page = APIKeyPage(frame: frame, name: made.name, secret: secret, done: "\(root)/\(made.id)")
                return try site.renderer.page("api-key", page)
            }
            guard let token = made.token else { return .seeOther("\(root)/\(made.id)?done=created") }
            let page = TokenPage(
                frame: site.adminFrame(made.name, current: words.path, asked.session, context),
                heading: Heading(title: "Agent \(made.name) is ready to link"),
                install: await AgentInstall(
                    token: token, backends: BackendChoice.offered(typed.text("backend")), site: site, context),
                done: "\(root)/\(made.id)")
            return try site.renderer.page("agent-token", page)
        } catch {
            let (errors, status) = try await FormFailure.read(error, fields: resource.sections(of: nil))
            return try await form(nil, typed, errors, asked, context, nil, status: status)
        }
    }

    private func update(
        _ typed: FormValues, _ asked: AdminRequest, _ context: KnocknocRequestContext
    ) async throws -> Response {
        let record = try await resource.record(try context.identifier())
        do {
            try await resource.update(record, typed, version: typed["version"].flatMap { Int64($0) }, by: asked)
            return .seeOther("\(root)/\(resource.face(record).id)?done=saved")
        } catch {
            let (errors, status) = try await FormFailure.read(error, fields: resource.sections(of: record))
            return try await form(record, typed, errors, asked, context, nil, status: status)
        }
    }

    private func form(
        _ record: Resource.Record?, _ values: FormValues, _ errors: FormErrors, _ asked: AdminRequest,
        _ context: KnocknocRequestContext, _ notice: Notice?, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let face = record.map(resource.face)
        let title = face?.name ?? "\(words.adds) \(words.one)"
        let problem =
            errors.general ?? (errors.isEmpty ? nil : "Nothing was saved: some fields need another look.")
        let sections = try await resource.sections(of: record).map { section in
            var section = section
            section.fields = section.fields.map { $0.filled(from: values, errors: errors.fields) }
            return section
        }
        var page = FormPage(
            frame: site.adminFrame(
                title, current: words.path, asked.session, context, notice: problem.map(Notice.problem) ?? notice),
            heading: Heading(title: title, back: Link(href: root, label: words.title)),
            action: face.map { "\(root)/\($0.id)" } ?? root,
            submit: face == nil ? "\(words.makes) \(words.one)" : "Save",
            version: face.map { String($0.version) }, sections: sections)
        if let record, let face {
            page.removal = FormPage.Removal(
                title: "Delete this \(words.one)", text: "You will see what it does before it is done.",
                href: "\(root)/\(face.id)/delete", label: "Delete \(face.name)")
            try await resource.complete(&page, record)
        } else {
            await resource.complete(new: &page, values, site, context)
        }
        return try site.renderer.page("form", page, status: status)
    }

    private func confirm(
        _ record: Resource.Record, _ asked: AdminRequest, _ context: KnocknocRequestContext, problem: Problem? = nil
    ) async throws -> Response {
        let face = resource.face(record)
        let title = "Delete \(face.name)?"
        let page = ConfirmPage(
            frame: site.adminFrame(
                title, current: words.path, asked.session, context, notice: problem.map { .problem($0.detail) }),
            heading: Heading(title: title, back: Link(href: "\(root)/\(face.id)", label: face.name)),
            text: "This deletes the \(words.one) \(face.name).",
            consequences: try await resource.consequences(of: record), action: "\(root)/\(face.id)/delete",
            submit: "Delete \(face.name)", version: String(face.version))
        return try site.renderer.page("confirm", page, status: problem?.status ?? .ok)
    }

    private func delete(
        _ typed: FormValues, _ asked: AdminRequest, _ context: KnocknocRequestContext
    ) async throws -> Response {
        let id: Resource.ID = try context.identifier()
        do {
            try await resource.delete(id, version: typed["version"].flatMap { Int64($0) }, by: asked)
            return .seeOther(root + "?done=deleted")
        } catch let error as AccessError where error.code != .notFound {
            return try await confirm(try await resource.record(id), asked, context, problem: Problem(error))
        }
    }
}
