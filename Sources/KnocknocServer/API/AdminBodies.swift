import KnocknocAccess

private enum AdminKeys: String, CodingKey, CaseIterable { case username, password, disabled }
private enum NewAdminKeys: String, CodingKey, CaseIterable { case username, password }

struct AdminDraftBody: Decodable {
    let draft: AdminDraft

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(NewAdminKeys.self)
        draft = AdminDraft(
            name: try fields.decode(String.self, forKey: .username),
            password: try fields.decode(String.self, forKey: .password))
    }
}

struct AdminPatchBody: Decodable {
    let patch: AdminPatch

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(AdminKeys.self)
        var patch = AdminPatch()
        patch.name = try fields.given(String.self, .username)
        patch.password = try fields.given(String.self, .password)
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}
