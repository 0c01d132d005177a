/// When a user who may have a Knoc gets it.
public enum GrantOn: String, Hashable, Sendable, Codable, CaseIterable {
    case signIn = "sign_in"
    case click
}
