/// Where the guards are written for the next boot, as our table itself remembers it in the comments of a chain that
/// nothing jumps to: whoever may change the guards finds the file of the agent that made them, running or not.
enum BootFile: Hashable, Sendable {
    case path(String)
    /// The agent keeps none.
    case none

    static let chain = "boot_file"
    /// A comment of nft is shorter than 128 bytes.
    private static let partLength = 100

    /// - Returns: nil for a path that cannot stand in a comment, and is not remembered then.
    init?(_ path: String?) {
        guard let path else {
            self = .none
            return
        }
        guard path.hasPrefix("/"), path.unicodeScalars.allSatisfy({ $0.value >= 32 && !"\"\\".contains(Character($0)) })
        else { return nil }
        self = .path(path)
    }

    /// - Parameter rules: of the chain, as nft lists them.
    init?(rules: [String]) {
        let parts = rules.map { rule in
            rule.split(separator: "\"", omittingEmptySubsequences: false).dropFirst().first.map(String.init) ?? ""
        }
        let text = parts.joined()
        if text == "none" { self = .none } else if text.hasPrefix("/") { self = .path(text) } else { return nil }
    }

    var rules: [String] {
        let text = if case .path(let path) = self { path } else { "none" }
        var parts = [""]
        for scalar in text.unicodeScalars {
            if parts[parts.count - 1].utf8.count + 4 > Self.partLength { parts.append("") }
            parts[parts.count - 1].unicodeScalars.append(scalar)
        }
        return parts.map { "accept comment \"\($0)\"" }
    }
}
