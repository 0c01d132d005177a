import KnocknocAccess
import KnocknocModel

/// Users of the portal.
struct UserResource: AdminResource {
    static let words = ResourceWords(
        path: "users", one: "user", article: "a", title: "Users",
        lead: "People who sign in on the portal. What they may open comes from their groups.", icon: "user",
        emptyTitle: "No users yet", emptyText: "Create the first user, and put them into a group that has a Knoc.")

    let access: Access

    func list(after: UserID?, limit: Int) async throws -> [UserRecord] {
        try await access.listUsers(after: after, limit: limit)
    }
    func record(_ id: UserID) async throws -> UserRecord { try await access.user(id) }
    func face(_ record: UserRecord) -> ResourceFace<UserSubject> {
        ResourceFace(id: record.id, name: record.name, version: record.version)
    }

    func table(_ records: [UserRecord]) async throws -> (columns: [String], rows: [Table.Row]) {
        let names = try await access.groupNames()
        let rows = records.map { user in
            Table.Row(cells: [
                .link(user.name, to: "/admin/users/\(user.id)", detail: user.displayName),
                .text(user.email),
                .text(user.groupIDs.compactMap { names[$0] }.sorted().joined(separator: ", ")),
                .pill(user.disabled ? .quiet("Disabled", icon: "refused") : .ok("Enabled")),
            ])
        }
        return (["User", "Email", "Groups", "State"], rows)
    }

    func values(of record: UserRecord?) async throws -> FormValues {
        var values = FormValues()
        guard let record else { return values }
        values["username"] = record.name
        values["display_name"] = record.displayName
        values["email"] = record.email
        values["session_seconds"] = record.sessionSeconds.map(DurationText.text)
        values.set("group_ids", all: record.groupIDs.map(\.description))
        values.set("disabled", flag: record.disabled)
        return values
    }

    func sections(of record: UserRecord?) async throws -> [FormPage.Section] {
        let groups = try await access.groupNames().sorted { $0.value < $1.value }
        let password = Field.password("password", record == nil ? "Password" : "New password", new: true)
            .hint(
                record == nil
                    ? "At least 10 characters. Without one they cannot sign in with a password."
                    : "Empty keeps the old one. A new one ends their sessions.")
        var who: [Field] = [
            .text("username", "Username", required: true).with {
                $0.plainWords = true
                $0.autocomplete = "off"
            }.half(),
            .text("display_name", "Display name").half(),
            .text("email", "Email").with { $0.type = "email" },
            password,
        ]
        if record != nil {
            who.append(
                .checkbox("disabled", "Disabled")
                    .hint("Signs the user out everywhere and closes everything they have open, at once."))
        }
        return [
            FormPage.Section(legend: "Account", fields: who),
            FormPage.Section(
                legend: "Access",
                fields: [
                    .choices("group_ids", "Groups", groups.map { ($0.key.description, $0.value) })
                        .hint(groups.isEmpty ? "There are no groups yet." : "The user may open what these groups may."),
                    .text("session_seconds", "Length of a session").with { $0.placeholder = "8h" }
                        .hint("Such as 8h or 1h 30m. Empty is the site's own. Access never outlives the session."),
                ]),
        ]
    }

    func create(_ values: FormValues, by request: AdminRequest) async throws -> Created<UserSubject> {
        let form = try UserForm(values)
        let draft = UserDraft(
            name: form.name, password: form.password, displayName: form.displayName, email: form.email,
            groupIDs: form.groupIDs, sessionSeconds: form.sessionSeconds)
        let user = try await access.createUser(draft, by: request.actor, request.context)
        return Created(id: user.id, name: user.name)
    }

    func update(
        _ record: UserRecord, _ values: FormValues, version: Int64?, by request: AdminRequest
    ) async throws {
        let form = try UserForm(values)
        var patch = UserPatch()
        patch.name = form.name
        patch.password = form.password
        patch.displayName = .set(form.displayName)
        patch.email = .set(form.email)
        patch.groupIDs = form.groupIDs
        patch.sessionSeconds = .set(form.sessionSeconds)
        patch.disabled = values.flag("disabled")
        _ = try await access.updateUser(record.id, patch, version: version, by: request.actor, request.context)
    }

    func delete(_ id: UserID, version: Int64?, by request: AdminRequest) async throws {
        try await access.deleteUser(id, version: version, by: request.actor, request.context)
    }

    func complete(_ page: inout FormPage, _ record: UserRecord) async throws {
        page.open = LiveTables.open(try await access.listGrants(live: true, of: record.id, limit: LiveTables.openLimit))
    }

    func consequences(of record: UserRecord) async throws -> [String] {
        let grants = try await access.liveGrants { $0.userID == record.id }
        return [Consequence.grants(grants), "Signs \(record.name) out everywhere.", Consequence.final]
    }
}

/// What the user form says, checked as far as it can be without the database.
private struct UserForm {
    var name: String
    var password: String?
    var displayName: String?
    var email: String?
    var groupIDs: [GroupID]
    var sessionSeconds: Int64?

    init(_ values: FormValues) throws(FormErrors) {
        var errors = FormErrors()
        name = values.text("username")
        if name.isEmpty { errors.fields["username"] = "A username is needed." }
        password = values.raw("password").isEmpty ? nil : values.raw("password")
        displayName = values.optional("display_name")
        email = values.optional("email")
        groupIDs = values.all("group_ids").compactMap { GroupID($0) }
        sessionSeconds = values.duration("session_seconds", &errors)
        try errors.check()
    }
}
