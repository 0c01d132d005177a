import KnocknocAccess
import KnocknocModel

private enum UserKeys: String, CodingKey, CaseIterable {
    case username, password, email, disabled
    case displayName = "display_name"
    case groupIDs = "group_ids"
    case sessionSeconds = "session_seconds"
}

struct UserDraftBody: Decodable {
    let draft: UserDraft

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(UserKeys.self)
        draft = UserDraft(
            name: try fields.decode(String.self, forKey: .username),
            password: try fields.decodeIfPresent(String.self, forKey: .password),
            displayName: try fields.decodeIfPresent(String.self, forKey: .displayName),
            email: try fields.decodeIfPresent(String.self, forKey: .email),
            groupIDs: try fields.decodeIfPresent([GroupID].self, forKey: .groupIDs) ?? [],
            sessionSeconds: try fields.decodeIfPresent(Int64.self, forKey: .sessionSeconds),
            disabled: try fields.decodeIfPresent(Bool.self, forKey: .disabled) ?? false)
    }
}

struct UserPatchBody: Decodable {
    let patch: UserPatch

    init(from decoder: any Decoder) throws {
        let fields = try decoder.fields(UserKeys.self)
        var patch = UserPatch()
        patch.name = try fields.given(String.self, .username)
        patch.password = try fields.given(String.self, .password)
        patch.displayName = try fields.change(String.self, .displayName)
        patch.email = try fields.change(String.self, .email)
        patch.groupIDs = try fields.given([GroupID].self, .groupIDs)
        patch.sessionSeconds = try fields.change(Int64.self, .sessionSeconds)
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}
