/// Which of the two kinds of account is meant.
public enum PrincipalKind: String, Sendable, Hashable, CaseIterable {
    case user, admin
}
