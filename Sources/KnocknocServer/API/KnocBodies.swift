import KnocknocAccess
import KnocknocModel

private enum KnocKeys: String, CodingKey, CaseIterable {
    case name, url, enforcement, disabled
    case groupIDs = "group_ids"
    case grantOn = "grant_on"
    case durationSeconds = "duration_seconds"
    case openWhen = "open_when"
}

/// One agent of a Knoc and how it opens there.
private struct EnforcementBody: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case backend
        case agentID = "agent_id"
    }

    let spec: EnforcementSpec

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(Keys.self)
        let backend = try fields.decode(Backend.self, forKey: .backend)
        // A list is served by the site itself where no agent is named.
        var agent: AgentID?
        if case .allowList = backend {
            agent = try fields.decodeIfPresent(AgentID.self, forKey: .agentID) ?? .server
        }
        spec = EnforcementSpec(agentID: try agent ?? fields.decode(AgentID.self, forKey: .agentID), backend: backend)
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
            disabled: try fields.decodeIfPresent(Bool.self, forKey: .disabled) ?? false)
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
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}
