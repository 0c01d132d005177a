/// Who decides the members of a group: administrators, the identity provider by its claim, or both.
public enum GroupKind: String, Hashable, Sendable, Codable, CaseIterable {
    case local, sso, dynamic
}
