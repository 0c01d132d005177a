import KnocknocModel

/// One map or access list of one HAProxy; targets that name the same share it.
struct ProxyList: Hashable, Sendable, CustomStringConvertible {
    var socket: String
    var list: HAProxyBackend.List
    var file: String

    init(_ backend: HAProxyBackend) {
        socket = backend.socket
        list = backend.list
        file = backend.file
    }

    /// Whether its entries carry the moment at which they end.
    var isTimed: Bool { if case .map = list { true } else { false } }

    /// `map NAME` or `acl NAME`, as the administrator names it.
    var name: String {
        switch list {
        case .map(let name): "map \(name)"
        case .acl(let name): "acl \(name)"
        }
    }

    /// What commands may name it by, the best first. An access list with a number (`-f FILE -u 101`) is two lists for
    /// HAProxy: what it read from the file is in the file's, which the number's does not show and cannot take out of.
    var names: [String] {
        if case .acl = list { ["acl \(file)"] + (name == "acl \(file)" ? [] : [name]) } else { [name] }
    }

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
