/// A host's name, or `*.DOMAIN` for every name that ends with that domain.
public struct HostPattern: Hashable, Sendable {
    private let name: String
    private let isDomain: Bool

    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        isDomain = text.hasPrefix("*.")
        name = (isDomain ? String(text.dropFirst(2)) : text).lowercased()
        let fits = name.utf8.allSatisfy {
            (48...57).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0) || (!isDomain && $0 == 58)
        }
        guard fits, !name.isEmpty, !name.hasPrefix("."), !isDomain || name.contains(".") else { return nil }
    }

    func matches(_ host: String) -> Bool { isDomain ? host.hasSuffix("." + name) : host == name }
}
