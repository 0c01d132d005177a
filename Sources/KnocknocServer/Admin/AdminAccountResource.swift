import KnocknocAccess
import KnocknocModel

/// Administrators. They hold no access themselves.
struct AdminAccountResource: AdminResource {
    static let words = ResourceWords(
        path: "admins", one: "administrator", article: "an", title: "Administrators",
        lead: "They decide who may open what, and open nothing themselves: for that they need a user as well.",
        icon: "admin", emptyTitle: "No administrators", emptyText: "Create one.")

    let access: Access

    func list(after: AdminID?, limit: Int) async throws -> [AdminRecord] {
        try await access.listAdmins(after: after, limit: limit)
    }
    func record(_ id: AdminID) async throws -> AdminRecord { try await access.admin(id) }
    func face(_ record: AdminRecord) -> ResourceFace<AdminSubject> {
        ResourceFace(id: record.id, name: record.name, version: record.version)
    }

    func table(_ records: [AdminRecord]) async throws -> (columns: [String], rows: [Table.Row]) {
        let rows = records.map { admin in
            Table.Row(cells: [
                .link(admin.name, to: "/admin/admins/\(admin.id)"),
                .pill(admin.disabled ? .quiet("Disabled", icon: "refused") : .ok("Enabled")),
                .time(TimeText(admin.createdAt)),
            ])
        }
        return (["Administrator", "State", "Since"], rows)
    }

    func values(of record: AdminRecord?) async throws -> FormValues {
        var values = FormValues()
        values["username"] = record?.name
        values.set("disabled", flag: record?.disabled ?? false)
        return values
    }

    func sections(of record: AdminRecord?) async throws -> [FormPage.Section] {
        var fields: [Field] = [
            .text("username", "Username", required: true).with {
                $0.plainWords = true
                $0.autocomplete = "off"
            },
            .password("password", record == nil ? "Password" : "New password", required: record == nil, new: true)
                .hint(
                    record == nil
                        ? "At least 10 characters." : "Empty keeps the old one. A new one ends their sessions."
                ),
        ]
        if record != nil {
            fields.append(.checkbox("disabled", "Disabled").hint("Signs them out everywhere, at once."))
        }
        return [FormPage.Section(legend: "Account", fields: fields)]
    }

    func create(_ values: FormValues, by request: AdminRequest) async throws -> Created<AdminSubject> {
        var errors = Self.errors(values)
        if values.raw("password").isEmpty { errors.fields["password"] = "A password is needed." }
        try errors.check()
        let draft = AdminDraft(name: values.text("username"), password: values.raw("password"))
        let admin = try await access.createAdmin(draft, by: request.actor, request.context)
        return Created(id: admin.id, name: admin.name)
    }

    func update(
        _ record: AdminRecord, _ values: FormValues, version: Int64?, by request: AdminRequest
    ) async throws {
        try Self.errors(values).check()
        var patch = AdminPatch()
        patch.name = values.text("username")
        patch.password = values.raw("password").isEmpty ? nil : values.raw("password")
        patch.disabled = values.flag("disabled")
        _ = try await access.updateAdmin(record.id, patch, version: version, by: request.actor, request.context)
    }

    private static func errors(_ values: FormValues) -> FormErrors {
        values.text("username").isEmpty ? FormErrors(fields: ["username": "A username is needed."]) : FormErrors()
    }

    func delete(_ id: AdminID, version: Int64?, by request: AdminRequest) async throws {
        try await access.deleteAdmin(id, version: version, by: request.actor, request.context)
    }

    func consequences(of record: AdminRecord) async throws -> [String] {
        ["Signs \(record.name) out everywhere. What they set up stays.", Consequence.final]
    }
}
