import KnocknocModel

/// One map or access list of one HAProxy, by its file; targets that name the same share it.
struct ProxyList: Hashable, Sendable, CustomStringConvertible {
    var socket: String
    /// Whether it is a map, whose entries carry the moment at which they end.
    var isTimed: Bool
    var file: String

    init(_ backend: HAProxyBackend) {
        socket = backend.socket
        if case .map = backend.list { isTimed = true } else { isTimed = false }
        file = backend.file
    }

    /// What commands name it by. Never a number: HAProxy numbers the administrator's own conditions too, also the
    /// empty list beside each file of theirs, and nothing tells which number is whose.
    var name: String { (isTimed ? "map " : "acl ") + file }

    var description: String { "\(name) of \(socket)" }

    /// An entry as HAProxy shows it: a reference, the key, and a map's value.
    struct Entry: Hashable, Sendable {
        var reference: String
        var key: String
        var value: String?

        var network: CIDR? { try? CIDR(parsing: key) }
    }

    /// What `show map` and `show acl` answer; nil where it is no list but an error.
    static func entries(in answer: String) -> [Entry]? {
        var entries: [Entry] = []
        for line in answer.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            // The reference is said back in a command: it must be nothing else.
            guard words.count >= 2, words[0].hasPrefix("0x"), words[0].count > 2,
                words[0].utf8.dropFirst(2).allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else { return nil }
            entries.append(Entry(reference: "#" + words[0], key: words[1], value: words.count > 2 ? words[2] : nil))
        }
        return entries
    }
}
