import KnocknocAccess

private enum AgentKeys: String, CodingKey, CaseIterable { case name, zone, disabled }
private enum NewAgentKeys: String, CodingKey, CaseIterable { case name, zone, token }

struct AgentDraftBody: Decodable {
    let draft: AgentDraft

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(NewAgentKeys.self)
        draft = AgentDraft(
            name: try fields.decode(String.self, forKey: .name),
            zone: try fields.decodeIfPresent(String.self, forKey: .zone),
            token: try fields.decodeIfPresent(String.self, forKey: .token))
    }
}

struct AgentPatchBody: Decodable {
    let patch: AgentPatch

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(AgentKeys.self)
        var patch = AgentPatch()
        patch.name = try fields.given(String.self, .name)
        patch.zone = try fields.change(String.self, .zone)
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}

struct RotationBody: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case now }

    /// Whether all other tokens end at once.
    let isNow: Bool

    init(from decoder: any Decoder) throws {
        isNow = try decoder.fields(Keys.self).given(Bool.self, .now) ?? false
    }
}

struct FingerprintBody: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case fingerprint }

    let fingerprint: String

    init(from decoder: any Decoder) throws {
        fingerprint = try decoder.fields(Keys.self).decode(String.self, forKey: .fingerprint)
    }
}
