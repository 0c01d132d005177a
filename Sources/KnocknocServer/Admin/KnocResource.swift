import KnocknocAccess
import KnocknocModel

/// Knocs: the protected resources.
struct KnocResource: AdminResource {
    static let words = ResourceWords(
        path: "knocs", one: "Knoc", article: "a", title: "Knocs",
        lead: "What is protected: closed to everybody, opened for the address of somebody who may.", icon: "door",
        emptyTitle: "No Knocs yet",
        emptyText: "Create one: name it, choose its groups, and say which ports which agent guards.")

    let access: Access
    /// Where people, and devices, find this site; nil where that is not known.
    var origin: WebOrigin?

    func list(after: KnocID?, limit: Int) async throws -> [KnocRecord] {
        try await access.listKnocs(after: after, limit: limit)
    }
    func record(_ id: KnocID) async throws -> KnocRecord { try await access.knoc(id) }
    func face(_ record: KnocRecord) -> ResourceFace<KnocSubject> {
        ResourceFace(id: record.id, name: record.name, version: record.version)
    }

    func table(_ records: [KnocRecord]) async throws -> (columns: [String], rows: [Table.Row]) {
        let names = try await access.groupNames()
        let rows = records.map { knoc in
            Table.Row(cells: [
                .link(knoc.name, to: "/admin/knocs/\(knoc.id)", detail: knoc.url),
                .text(knoc.groupIDs.compactMap { names[$0] }.sorted().joined(separator: ", ")),
                .text(
                    knoc.grantOn == .click ? "By click" : "At sign-in",
                    detail: knoc.durationSeconds.map { "for " + DurationText.text(seconds: $0) }),
                .pill(Self.pill(knoc), detail: knoc.targets.first { $0.outcome == .failed }?.reason),
            ])
        }
        return (["Knoc", "Groups", "Granted", "Enforcement"], rows)
    }

    private static func pill(_ knoc: KnocRecord) -> Pill {
        if knoc.disabled { return .quiet("Disabled", icon: "refused") }
        if knoc.targets.isEmpty { return .bad("Nowhere yet") }
        for outcome in [Outcome.failed, .pending, .dryRun] {
            if let target = knoc.targets.first(where: { $0.outcome == outcome }) { return TargetTable.pill(target) }
        }
        return knoc.targets.first { !$0.confirmed }.map(TargetTable.pill) ?? .ok("In force")
    }

    func values(of record: KnocRecord?) async throws -> FormValues { KnocForm.values(of: record) }

    func sections(of record: KnocRecord?) async throws -> [FormPage.Section] {
        let groups = try await access.groupNames().sorted { $0.value < $1.value }
        let agents = try await access.listAgents(limit: 500)
        return KnocForm.sections(record, groups: groups.map { ($0.key.description, $0.value) })
            + [EnforcementForm.serverSection()]
            + agents.flatMap { agent in
                let old = record?.enforcement.filter { $0.agentID == agent.id } ?? []
                return EnforcementForm.places(of: agent.id, in: record).map { place in
                    EnforcementForm.section(
                        place, agent: agent,
                        replacing: old.indices.contains(place.number) ? old[place.number].backend : nil)
                }
            } + EnforcementForm.zonePlaces(in: record, agents).map { EnforcementForm.section($0) }
    }

    func create(_ values: FormValues, by request: AdminRequest) async throws -> Created<KnocSubject> {
        let form = try KnocForm(values)
        let draft = KnocDraft(
            name: form.name, url: form.url, groupIDs: form.groupIDs, grantOn: form.grantOn,
            durationSeconds: form.durationSeconds, openWhen: form.openWhen, enforcement: form.enforcement,
            zones: form.zones, placement: form.placement, closeAfterSeconds: form.closeAfterSeconds)
        let knoc = try await access.createKnoc(draft, by: request.actor, request.context)
        return Created(id: knoc.id, name: knoc.name)
    }

    func update(
        _ record: KnocRecord, _ values: FormValues, version: Int64?, by request: AdminRequest
    ) async throws {
        let form = try KnocForm(values, record)
        var patch = KnocPatch()
        patch.name = form.name
        patch.url = .set(form.url)
        patch.groupIDs = form.groupIDs
        patch.grantOn = form.grantOn
        patch.durationSeconds = .set(form.durationSeconds)
        patch.openWhen = form.openWhen
        patch.zones = form.zones
        patch.placement = form.placement
        patch.closeAfterSeconds = .set(form.closeAfterSeconds)
        // Unchanged text is no change: an equal list would otherwise look like an edit of what agents enforce.
        patch.enforcement = form.enforcement == record.enforcement ? nil : form.enforcement
        patch.disabled = values.flag("disabled")
        _ = try await access.updateKnoc(record.id, patch, version: version, by: request.actor, request.context)
    }

    func delete(_ id: KnocID, version: Int64?, by request: AdminRequest) async throws {
        try await access.deleteKnoc(id, version: version, by: request.actor, request.context)
    }

    func consequences(of record: KnocRecord) async throws -> [String] {
        let grants = try await access.liveGrants { $0.knocID == record.id }
        let guards = record.enforcement.contains { $0.backend.isGuard }
        let consequences: [String?] = [
            Consequence.grants(grants),
            guards
                ? "Its ports stay closed to everybody: a guard is taken away on its agent's page, never by deleting."
                : nil,
            Consequence.final,
        ]
        return consequences.compactMap(\.self)
    }

    func complete(_ page: inout FormPage, _ record: KnocRecord) async throws {
        if let list = record.allowList {
            page.facts = FormPage.Facts(items: AllowListFacts.facts(list, of: record, at: origin))
        }
        let standing = try await access.standing(of: record.id)
        page.targets = FormPage.Targets(table: TargetTable.table(record.targets, standing))
        page.promises = PromiseTable.table(record.enforcement.map(\.backend))
        page.calls = TargetTable.calls(record.targets, returning: "knocs/\(record.id)")
        page.open = LiveTables.open(try await access.listGrants(live: true, on: record.id, limit: LiveTables.openLimit))
    }
}
