import KnocknocAccess
import KnocknocModel

/// Agents: the processes beside firewalls.
struct AgentResource: AdminResource {
    static let words = ResourceWords(
        path: "agents", one: "agent", article: "an", title: "Agents",
        lead: "A process beside each firewall. It dials out to this server and opens no port.", icon: "agent",
        emptyTitle: "No agents yet",
        emptyText: "Add one, and start knocknoc-agent with its token on the machine whose ports are to be guarded.",
        adds: "Add", makes: "Add")

    let access: Access

    func list(after: AgentID?, limit: Int) async throws -> [AgentRecord] {
        try await access.listAgents(after: after, limit: limit)
    }
    func list(after: AgentID?, limit: Int, choice zone: String?) async throws -> [AgentRecord] {
        try await access.listAgents(after: after, limit: limit, zone: zone)
    }
    func choices() async throws -> ListChoices? {
        let zones = try await access.agentZones()
        return zones.isEmpty ? nil : ListChoices(name: "zone", label: "Zone", all: "All zones", values: zones)
    }
    func record(_ id: AgentID) async throws -> AgentRecord { try await access.agent(id) }
    func face(_ record: AgentRecord) -> ResourceFace<AgentSubject> {
        ResourceFace(id: record.id, name: record.name, version: record.version)
    }

    func table(_ records: [AgentRecord]) async throws -> (columns: [String], rows: [Table.Row]) {
        let targets = try await access.targetsInUse(of: records.map(\.id))
        let rows = records.map { AgentRow.row($0, targets[$0.id] ?? []) }
        return (AgentRow.columns, rows)
    }

    func values(of record: AgentRecord?) async throws -> FormValues {
        var values = FormValues()
        values["name"] = record?.name
        values["zone"] = record?.zone
        if record == nil { (values["name"], values["token"]) = try await access.draftAgent() }
        values.set("disabled", flag: record?.disabled ?? false)
        return values
    }

    func sections(of record: AgentRecord?) async throws -> [FormPage.Section] {
        var fields: [Field] = [
            .text("name", "Name", required: true).with { $0.plainWords = true }.half()
                .hint("Usually the machine's name; any that is free will do."),
            .text("zone", "Zone").with { $0.plainWords = true }.half().hint("A label for a part of the network."),
        ]
        if record == nil {
            fields.append(
                .select("backend", "Opens with", BackendChoice.all.map { ($0.name, $0.label) }).hint(
                    "Lines of its own file, shown below, which no server can go beyond. Which doors it opens is said by each "
                        + "Knoc."))
        } else {
            fields.append(
                .checkbox("disabled", "Disabled").hint(
                    "Cuts its link and empties its sets at once. Guarded ports stay closed."))
        }
        return [FormPage.Section(legend: record == nil ? "Agent" : "Settings", fields: fields)]
    }

    func create(_ values: FormValues, by request: AdminRequest) async throws -> Created<AgentSubject> {
        var errors = Self.errors(values)
        if let backend = values.optional("backend"), BackendChoice.offered(backend).isEmpty {
            errors.fields["backend"] = "That is none of these."
        }
        try errors.check()
        let draft = AgentDraft(
            name: values.text("name"), zone: values.optional("zone"), token: values.optional("token"))
        let (agent, token) = try await access.createAgent(draft, by: request.actor, request.context)
        return Created(id: agent.id, name: agent.name, token: token)
    }

    func update(
        _ record: AgentRecord, _ values: FormValues, version: Int64?, by request: AdminRequest
    ) async throws {
        try Self.errors(values).check()
        var patch = AgentPatch()
        patch.name = values.text("name")
        patch.zone = .set(values.optional("zone"))
        patch.disabled = values.flag("disabled")
        _ = try await access.updateAgent(record.id, patch, version: version, by: request.actor, request.context)
    }

    private static func errors(_ values: FormValues) -> FormErrors {
        values.text("name").isEmpty ? FormErrors(fields: ["name": "A name is needed."]) : FormErrors()
    }

    func delete(_ id: AgentID, version: Int64?, by request: AdminRequest) async throws {
        try await access.deleteAgent(id, version: version, by: request.actor, request.context)
    }

    func consequences(of record: AgentRecord) async throws -> [String] {
        [
            record.entriesWanted == 0
                ? "Nothing is open through it now."
                : "Closes \(Consequence.count(record.entriesWanted, "entry", "entries")) on \(record.name) now.",
            "Its guards stay on that machine: ports that it guards remain closed to everybody until somebody removes "
                + "them there with knocknoc-agent unguard.",
            "Its token stops working.", Consequence.final,
        ]
    }

    func complete(
        new page: inout FormPage, _ values: FormValues, _ site: Site, _ context: KnocknocRequestContext
    ) async {
        guard let token = values.optional("token") else { return }
        page.hidden = [FormPage.Call.Hidden(name: "token", value: token)]
        page.note =
            "Nothing is saved until you press Add agent. The token below counts from then on; another one comes "
            + "with each visit of this page."
        page.install = await AgentInstall(token: token, backends: BackendChoice.offered(nil), site: site, context)
    }

    func complete(_ page: inout FormPage, _ record: AgentRecord) async throws {
        page.facts = FormPage.Facts(items: AgentFacts.facts(record), actions: AgentFacts.actions(record))
        let targets = try await access.targets(of: record.id)
        let knocs = try await access.knocs(ofTargetsOf: record.id)
        page.targets = FormPage.Targets(table: TargetTable.table(targets, on: record.id, for: knocs))
        page.calls = TargetTable.calls(targets, returning: "agents/\(record.id)")
        if let offered = record.offeredFingerprint {
            page.calls.insert(AgentFacts.keyCall(record, offered: offered), at: 0)
        }
    }
}
