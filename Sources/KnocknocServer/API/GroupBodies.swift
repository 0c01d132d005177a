import KnocknocAccess
import KnocknocModel

private enum GroupKeys: String, CodingKey, CaseIterable { case name, kind, claim }

struct GroupDraftBody: Decodable {
    let draft: GroupDraft

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(GroupKeys.self)
        draft = GroupDraft(
            name: try fields.decode(String.self, forKey: .name),
            kind: try fields.choice(GroupKind.self, .kind) ?? .local,
            claim: try fields.decodeIfPresent(String.self, forKey: .claim))
    }
}

struct GroupPatchBody: Decodable {
    let patch: GroupPatch

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(GroupKeys.self)
        var patch = GroupPatch()
        patch.name = try fields.given(String.self, .name)
        patch.kind = try fields.choice(GroupKind.self, .kind)
        patch.claim = try fields.change(String.self, .claim)
        self.patch = patch
    }
}
