/// What an API key is for.
public enum APIKeyScope: String, Hashable, Sendable, Codable, CaseIterable {
    /// Fetching allow lists.
    case readAllowLists = "allowlists.read"

    /// In words.
    public var label: String {
        switch self {
        case .readAllowLists: "Fetch allow lists"
        }
    }
}
