import KnocknocAccess
import KnocknocModel
import KnocknocStore

/// API keys: what programs are known by.
struct APIKeyResource: AdminResource {
    static let words = ResourceWords(
        path: "api-keys", one: "API key", article: "an", title: "API keys",
        lead: "What programs and devices are known by: for some purposes, from some networks, for some time.",
        icon: "key", emptyTitle: "No API keys yet",
        emptyText: "Create one for a device that fetches allow lists, and say where it stands.")

    let access: Access

    func list(after: APIKeyID?, limit: Int) async throws -> [APIKeyRecord] {
        try await access.listAPIKeys(after: after, limit: limit)
    }
    func record(_ id: APIKeyID) async throws -> APIKeyRecord { try await access.apiKey(id) }
    func face(_ record: APIKeyRecord) -> ResourceFace<APIKeySubject> {
        ResourceFace(id: record.id, name: record.name, version: record.version)
    }

    func table(_ records: [APIKeyRecord]) async throws -> (columns: [String], rows: [Table.Row]) {
        let now = access.database.estimatedNow()
        let rows = records.map { key in
            Table.Row(cells: [
                .link(key.name, to: "/admin/api-keys/\(key.id)", detail: Self.scopes(key)),
                .text(BackendForm.list(key.networks)),
                .pill(Self.pill(key, at: now)),
                .time(key.expiresAt.map { TimeText($0) }),
                key.lastUsedAt.map { Table.Cell(time: TimeText($0), detail: key.lastAddress?.description) }
                    ?? .text("Never"),
            ])
        }
        return (["Key", "From", "State", "Ends", "Last used"], rows)
    }

    private static func pill(_ key: APIKeyRecord, at now: Timestamp) -> Pill {
        if key.disabled { return .quiet("Disabled", icon: "refused") }
        if let ends = key.expiresAt, ends <= now { return .quiet("Over", icon: "clock") }
        return .ok("Enabled")
    }

    private static func scopes(_ key: APIKeyRecord) -> String {
        key.scopes.map(\.label).sorted().joined(separator: ", ")
    }

    func values(of record: APIKeyRecord?) async throws -> FormValues {
        var values = FormValues()
        let scopes = record?.scopes ?? [.readAllowLists]
        values.set("scopes", all: scopes.map(\.rawValue))
        values["name"] = record?.name
        values["networks"] = record.map { BackendForm.list($0.networks) }
        values["expires_at"] = record?.expiresAt?.description
        values.set("disabled", flag: record?.disabled ?? false)
        return values
    }

    func sections(of record: APIKeyRecord?) async throws -> [FormPage.Section] {
        var fields: [Field] = [
            .text("name", "Name", required: true).hint("Who uses it, such as “Firewall in Berlin”."),
            .choices("scopes", "What it is for", APIKeyScope.allCases.map { ($0.rawValue, $0.label) }),
            .text("networks", "From these networks", required: true).with {
                $0.plainWords = true
                $0.placeholder = "192.0.2.10/32"
            }.hint("Where it is used from. 0.0.0.0/0, ::/0 means from everywhere: rather not."),
            .text("expires_at", "Ends").with {
                $0.plainWords = true
                $0.placeholder = "2027-01-31"
            }.half().hint("A day, or a moment such as 2027-01-31T12:00:00Z, both in UTC. Empty: never."),
        ]
        if record != nil {
            fields.append(
                .checkbox("disabled", "Disabled").hint(
                    "It is refused, at once; on agents as soon as they have heard. Keys that nobody uses are disabled.")
            )
        }
        return [FormPage.Section(legend: "Key", fields: fields)]
    }

    func create(_ values: FormValues, by request: AdminRequest) async throws -> Created<APIKeySubject> {
        let patch = try Self.patch(values)
        var expires: Timestamp?
        if case .set(let moment) = patch.expiresAt { expires = moment }
        let draft = APIKeyDraft(
            name: patch.name ?? "", scopes: patch.scopes ?? [], networks: patch.networks ?? [], expiresAt: expires)
        let made = try await access.createAPIKey(draft, by: request.actor, request.context)
        return Created(id: made.key.id, name: made.key.name, secret: made.secret)
    }

    func update(
        _ record: APIKeyRecord, _ values: FormValues, version: Int64?, by request: AdminRequest
    ) async throws {
        var patch = try Self.patch(values)
        patch.disabled = values.flag("disabled")
        _ = try await access.updateAPIKey(record.id, patch, version: version, by: request.actor, request.context)
    }

    private static func patch(_ values: FormValues) throws(FormErrors) -> APIKeyPatch {
        var errors = FormErrors()
        var patch = APIKeyPatch()
        patch.name = values.text("name")
        if values.text("name").isEmpty { errors.fields["name"] = "A name is needed." }
        patch.scopes = Set(values.all("scopes").compactMap { APIKeyScope(rawValue: $0) })
        patch.networks = values.words("networks").compactMap { text -> CIDR? in
            do throws(ModelError) {
                return try CIDR(parsing: text)
            } catch {
                errors.fields["networks"] = Sentence.of(error.message)
                return nil
            }
        }
        if let text = values.optional("expires_at") {
            do throws(ModelError) {
                // The day that is named is the last one.
                patch.expiresAt = .set(
                    text.utf8.count == 10
                        ? try Timestamp(parsing: text + "T00:00:00Z").adding(seconds: 86_400)
                        : try Timestamp(parsing: text))
            } catch {
                errors.fields["expires_at"] = "\"\(text)\" is not a day; write it as 2027-01-31."
            }
        } else {
            patch.expiresAt = .set(nil)
        }
        try errors.check()
        return patch
    }

    func delete(_ id: APIKeyID, version: Int64?, by request: AdminRequest) async throws {
        try await access.deleteAPIKey(id, version: version, by: request.actor, request.context)
    }

    func consequences(of record: APIKeyRecord) async throws -> [String] {
        [
            "Whoever uses it is refused from now on. Devices that cannot fetch a list keep, for as long as they like, "
                + "what they had: delete the key when nothing uses it any more.", Consequence.final,
        ]
    }
}
