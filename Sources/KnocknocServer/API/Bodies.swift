import KnocknocAccess
import KnocknocModel

// The bodies that the API takes. Unknown fields are refused: a misspelt one would silently change nothing.

extension KeyedDecodingContainer {
    /// A field that may be absent (left alone), null (emptied) or given.
    func change<Value: Decodable & Sendable & Hashable>(_ type: Value.Type, _ key: Key) throws -> Change<Value> {
        contains(key) ? .set(try decodeIfPresent(type, forKey: key)) : .keep
    }

    /// A field that may be absent and must not be null.
    func given<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
        contains(key) ? try decode(type, forKey: key) : nil
    }
}

struct SignInBody: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case username, password }

    var username: String
    var password: String

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        let fields = try decoder.container(keyedBy: Keys.self)
        username = try fields.decode(String.self, forKey: .username)
        password = try fields.decode(String.self, forKey: .password)
    }
}

private enum UserKeys: String, CodingKey, CaseIterable {
    case username, password, email, disabled
    case displayName = "display_name"
    case groupIDs = "group_ids"
    case sessionSeconds = "session_seconds"
}

struct UserDraftBody: Decodable {
    let draft: UserDraft

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(UserKeys.self)
        let fields = try decoder.container(keyedBy: UserKeys.self)
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
        try decoder.refuseUnknownKeys(UserKeys.self)
        let fields = try decoder.container(keyedBy: UserKeys.self)
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

private enum GroupKeys: String, CodingKey, CaseIterable { case name, kind, claim }

struct GroupDraftBody: Decodable {
    let draft: GroupDraft

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(GroupKeys.self)
        let fields = try decoder.container(keyedBy: GroupKeys.self)
        draft = GroupDraft(
            name: try fields.decode(String.self, forKey: .name),
            kind: try fields.choice(GroupKind.self, .kind) ?? .local,
            claim: try fields.decodeIfPresent(String.self, forKey: .claim))
    }
}

struct GroupPatchBody: Decodable {
    let patch: GroupPatch

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(GroupKeys.self)
        let fields = try decoder.container(keyedBy: GroupKeys.self)
        var patch = GroupPatch()
        patch.name = try fields.given(String.self, .name)
        patch.kind = try fields.choice(GroupKind.self, .kind)
        patch.claim = try fields.change(String.self, .claim)
        self.patch = patch
    }
}

private enum AgentKeys: String, CodingKey, CaseIterable { case name, zone, disabled }
private enum NewAgentKeys: String, CodingKey, CaseIterable { case name, zone }

struct AgentDraftBody: Decodable {
    let draft: AgentDraft

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(NewAgentKeys.self)
        let fields = try decoder.container(keyedBy: NewAgentKeys.self)
        draft = AgentDraft(
            name: try fields.decode(String.self, forKey: .name),
            zone: try fields.decodeIfPresent(String.self, forKey: .zone))
    }
}

struct AgentPatchBody: Decodable {
    let patch: AgentPatch

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(AgentKeys.self)
        let fields = try decoder.container(keyedBy: AgentKeys.self)
        var patch = AgentPatch()
        patch.name = try fields.given(String.self, .name)
        patch.zone = try fields.change(String.self, .zone)
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}

struct FingerprintBody: Decodable {
    private enum Keys: String, CodingKey, CaseIterable { case fingerprint }

    let fingerprint: String

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        fingerprint = try decoder.container(keyedBy: Keys.self).decode(String.self, forKey: .fingerprint)
    }
}

private enum AdminKeys: String, CodingKey, CaseIterable { case username, password, disabled }
private enum NewAdminKeys: String, CodingKey, CaseIterable { case username, password }

struct AdminDraftBody: Decodable {
    let draft: AdminDraft

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(NewAdminKeys.self)
        let fields = try decoder.container(keyedBy: NewAdminKeys.self)
        draft = AdminDraft(
            name: try fields.decode(String.self, forKey: .username),
            password: try fields.decode(String.self, forKey: .password))
    }
}

struct AdminPatchBody: Decodable {
    let patch: AdminPatch

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(AdminKeys.self)
        let fields = try decoder.container(keyedBy: AdminKeys.self)
        var patch = AdminPatch()
        patch.name = try fields.given(String.self, .username)
        patch.password = try fields.given(String.self, .password)
        patch.disabled = try fields.given(Bool.self, .disabled)
        self.patch = patch
    }
}

extension KeyedDecodingContainer {
    /// One of an enumeration's values.
    ///
    /// - Throws: `DecodingError` listing them.
    func choice<Value: RawRepresentable<String> & CaseIterable>(_ type: Value.Type, _ key: Key) throws -> Value? {
        guard contains(key), try !decodeNil(forKey: key) else { return nil }
        let text = try decode(String.self, forKey: key)
        if let value = Value(rawValue: text) { return value }
        let known = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        throw DecodingError.dataCorruptedError(
            forKey: key, in: self, debugDescription: "\"\(text)\" is not known; expected one of \(known)")
    }
}
