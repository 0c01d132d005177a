/// Which agents a Knoc is limited to, by the zones in which they stand.
public struct ZoneSelection: Hashable, Sendable {
    /// Stands for the agents that serve allow lists themselves, whichever zone they are in.
    public static let edge = "<edge>"

    /// As the administrator wrote them: a zone's name, ``edge``, or either behind `!`.
    public let terms: [String]

    /// - Throws: ``ModelError`` naming the term that cannot be.
    public init(_ terms: [String]) throws(ModelError) {
        var checked: [String] = []
        for term in terms {
            let name = term.hasPrefix("!") ? String(term.dropFirst()) : term
            let text = name == Self.edge ? name : try Self.checkedName(name, "zones")
            let whole = term.hasPrefix("!") ? "!" + text : text
            if !checked.contains(whole) { checked.append(whole) }
        }
        self.terms = checked
    }

    private init() { terms = [] }

    /// No limit.
    public static let everywhere = ZoneSelection()

    /// Exclusions win; where there are only exclusions, everything else is in.
    ///
    /// - Parameter zone: nil where the agent has none.
    public func admits(zone: String?, isEdge: Bool) -> Bool {
        func fits(_ name: Substring) -> Bool {
            name == Self.edge ? isEdge : zone.map { Self.key($0) == Self.key(String(name)) } ?? false
        }
        if terms.contains(where: { $0.hasPrefix("!") && fits($0.dropFirst()) }) { return false }
        let named = terms.filter { !$0.hasPrefix("!") }
        return named.isEmpty || named.contains { fits($0[...]) }
    }

    /// Two names with the same key are one zone.
    public static func key(_ zone: String) -> String { NameRule.key(zone) }

    /// A zone's name without space at its ends.
    ///
    /// - Throws: ``ModelError`` beginning with `field`.
    public static func checkedName(_ name: String, _ field: String) throws(ModelError) -> String {
        let text: String
        do throws(ModelError) { text = try NameRule.checked(name, what: "a zone") } catch {
            throw ModelError(.invalidName, "\(field): expected the name of a zone; \(error.message)")
        }
        guard let first = text.first, !"!<*".contains(first) else {
            throw ModelError(
                .invalidName, "\(field): \"\(text)\" is no name of a zone, which begins with none of ! < *")
        }
        return text
    }
}
