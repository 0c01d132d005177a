/// On how many agents of each zone a grant is enforced.
public enum Placement: String, Hashable, Sendable, Codable, CaseIterable {
    /// On every one.
    case all
    /// On one of each zone; the others keep their guards closed and let nobody in.
    case one
}
