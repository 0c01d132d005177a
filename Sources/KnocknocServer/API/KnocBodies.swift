import KnocknocAccess
import KnocknocModel

private enum KnocKeys: String, CodingKey, CaseIterable {
    case name, url, enforcement, zones, placement, disabled
    case groupIDs = "group_ids"
    case grantOn = "grant_on"
    case durationSeconds = "duration_seconds"
    case openWhen = "open_when"
    case closeAfterSeconds = "close_after_seconds"
}

/// One agent, or the agents of a zone, and how a Knoc is opened there.
private struct EnforcementBody: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case backend, zone
        case agentID = "agent_id"
    }

    let spec: EnforcementSpec

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(Keys.self)
        let backend = try fields.decode(Backend.self, forKey: .backend)
        let agent = try fields.decodeIfPresent(AgentID.self, forKey: .agentID)
        let zone = try fields.decodeIfPresent(String.self, forKey: .zone)
        let place: EnforcementPlace
        switch (agent, zone, backend) {
        case (let agent?, nil, _): place = .agent(agent)
        case (nil, let zone?, _): place = .zone(zone)
        // A list is served by the site itself where nobody else is named.
        case (nil, nil, .allowList): place = .agent(.server)
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .agentID, in: fields,
                debugDescription: "expected agent_id, an agent's id, or zone, a zone's name: one of both")
        }
        spec = EnforcementSpec(place: place, backend: backend)
    }
}

struct KnocDraftBody: Decodable {
    let draft: KnocDraft

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(KnocKeys.self)
        draft = KnocDraft(
            name: try fields.decode(String.self, forKey: .name),
            url: try fields.decodeIfPresent(String.self, forKey: .url),
            groupIDs: try fields.decodeIfPresent([GroupID].self, forKey: .groupIDs) ?? [],
            grantOn: try fields.choice(GrantOn.self, .grantOn) ?? .click,
            durationSeconds: try fields.decodeIfPresent(Int64.self, forKey: .durationSeconds),
            openWhen: try fields.choice(OpenWhen.self, .openWhen) ?? .all,
            enforcement: try fields.decodeIfPresent([EnforcementBody].self, forKey: .enforcement)?.map(\.spec) ?? [],
            disabled: try fields.decodeIfPresent(Bool.self, forKey: .disabled) ?? false,
            zones: try fields.decodeIfPresent([String].self, forKey: .zones) ?? [],
            placement: try fields.choice(Placement.self, .placement) ?? .all,
            closeAfterSeconds: try fields.decodeIfPresent(Int64.self, forKey: .closeAfterSeconds))
    }
}

struct KnocPatchBody: Decodable {
    let patch: KnocPatch

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(KnocKeys.self)
        var patch = KnocPatch()
        patch.name = try fields.given(String.self, .name)
        patch.url = try fields.change(String.self, .url)
        patch.groupIDs = try fields.given([GroupID].self, .groupIDs)
        patch.grantOn = try fields.choice(GrantOn.self, .grantOn)
        patch.durationSeconds = try fields.change(Int64.self, .durationSeconds)
        patch.openWhen = try fields.choice(OpenWhen.self, .openWhen)
        patch.enforcement = try fields.given([EnforcementBody].self, .enforcement)?.map(\.spec)
        patch.zones = try fields.given([String].self, .zones)
        patch.placement = try fields.choice(Placement.self, .placement)
        patch.closeAfterSeconds = try fields.change(Int64.self, .closeAfterSeconds)
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}
