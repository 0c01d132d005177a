import KnocknocAccess
import KnocknocModel

/// Groups: which users may open which Knocs.
struct GroupResource: AdminResource {
    static let words = ResourceWords(
        path: "groups", one: "group", article: "a", title: "Groups",
        lead: "A group brings users and Knocs together: each user of it may open each of its Knocs.", icon: "group",
        emptyTitle: "No groups yet", emptyText: "Create a group such as “Operations”; then choose its users and Knocs.")

    let access: Access

    func list(after: GroupID?, limit: Int) async throws -> [GroupRecord] {
        try await access.listGroups(after: after, limit: limit)
    }
    func record(_ id: GroupID) async throws -> GroupRecord { try await access.group(id) }
    func face(_ record: GroupRecord) -> ResourceFace<GroupSubject> {
        ResourceFace(id: record.id, name: record.name, version: record.version)
    }

    func table(_ records: [GroupRecord]) async throws -> (columns: [String], rows: [Table.Row]) {
        let rows = records.map { group in
            Table.Row(cells: [
                .link(group.name, to: "/admin/groups/\(group.id)", detail: group.claim),
                .text(Self.kinds.first { $0.value == group.kind.rawValue }?.label),
                .text(String(group.userCount)),
                .text(String(group.knocCount)),
            ])
        }
        return (["Group", "Members come from", "Users", "Knocs"], rows)
    }

    private static let kinds: [(value: String, label: String)] = [
        ("local", "The administration"), ("sso", "The identity provider"), ("dynamic", "Both"),
    ]

    func values(of record: GroupRecord?) async throws -> FormValues {
        var values = FormValues()
        values["kind"] = record?.kind.rawValue ?? GroupKind.local.rawValue
        values["name"] = record?.name
        values["claim"] = record?.claim
        return values
    }

    func sections(of record: GroupRecord?) async throws -> [FormPage.Section] {
        [
            FormPage.Section(
                legend: "Group",
                about: "Users are put into it on their own page, Knocs on theirs.",
                fields: [
                    .text("name", "Name", required: true),
                    .select("kind", "Members come from", Self.kinds).half()
                        .hint(
                            "No identity provider is set up: a group whose members come only from one stays empty."),
                    .text("claim", "Value of the identity provider").half()
                        .hint("The provider's group name. Needed unless members come from the administration."),
                ])
        ]
    }

    func create(_ values: FormValues, by request: AdminRequest) async throws -> Created<GroupSubject> {
        let (name, kind) = try Self.checked(values)
        let draft = GroupDraft(name: name, kind: kind, claim: values.optional("claim"))
        let group = try await access.createGroup(draft, by: request.actor, request.context)
        return Created(id: group.id, name: group.name)
    }

    func update(
        _ record: GroupRecord, _ values: FormValues, version: Int64?, by request: AdminRequest
    ) async throws {
        var patch = GroupPatch()
        let (name, kind) = try Self.checked(values)
        patch.name = name
        patch.kind = kind
        patch.claim = .set(values.optional("claim"))
        _ = try await access.updateGroup(record.id, patch, version: version, by: request.actor, request.context)
    }

    private static func checked(_ values: FormValues) throws(FormErrors) -> (String, GroupKind) {
        var errors = FormErrors()
        let name = values.text("name")
        if name.isEmpty { errors.fields["name"] = "A name is needed." }
        let kind = GroupKind(rawValue: values.text("kind"))
        if kind == nil { errors.fields["kind"] = "Choose where members come from." }
        try errors.check()
        return (name, kind ?? .local)
    }

    func delete(_ id: GroupID, version: Int64?, by request: AdminRequest) async throws {
        try await access.deleteGroup(id, version: version, by: request.actor, request.context)
    }

    func consequences(of record: GroupRecord) async throws -> [String] {
        [
            "\(Consequence.count(record.userCount, "user loses", "users lose")) the "
                + "\(Consequence.count(record.knocCount, "Knoc", "Knocs")) that only this group gave them, and what "
                + "they have open there closes now.",
            Consequence.final,
        ]
    }
}
