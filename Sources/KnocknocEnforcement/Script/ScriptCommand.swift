import KnocknocModel

/// A script as it is called, secrets opened.
struct ScriptCommand: Hashable, Sendable {
    var path: String
    var name: String
    var environment: [String: String]
    /// Addresses of IPv6 are handed over as networks of so many bits; nil is as they are.
    var ipv6Prefix: Int?
    /// Those of the values that nobody may read.
    var secrets: [String: String]

    /// - Throws: ``EnforcementError`` where a secret cannot be opened.
    init(_ script: ScriptBackend, _ opener: (any SecretOpener)?) throws(EnforcementError) {
        path = script.path
        name = script.name
        environment = script.environment
        ipv6Prefix = script.ipv6Prefix
        secrets = [:]
        for (field, value) in script.sealed.sorted(by: { $0.key < $1.key }) {
            guard let opener else { throw EnforcementError(.unavailable, "secret needed: this agent opens none") }
            secrets[field] = try opener.open(value, field: field, of: script)
        }
    }

    /// Whether only secrets differ, if anything.
    func isSameList(as other: ScriptCommand) -> Bool {
        path == other.path && name == other.name && environment == other.environment && ipv6Prefix == other.ipv6Prefix
    }

    func text(_ address: IPAddress) -> String { CIDR(address, ipv6Prefix: ipv6Prefix).shortest }

    /// Every variable that the script has, and nothing of the agent's own.
    var variables: [String] {
        let own = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "KNOCKNOC_SCRIPT": path,
        ]
        let all = environment.merging(secrets) { $1 }.merging(own) { $1 }
        return all.map { "\($0.key)=\($0.value)" }.sorted()
    }

    /// What a script said, at most 500 bytes of it, printable and without its secrets.
    func shown(_ output: [UInt8]) -> String {
        var bytes = output
        for value in secrets.values.map({ Array($0.utf8) }).sorted(by: { $0.count > $1.count }) where !value.isEmpty {
            bytes = bytes.replacing(value, with: Array("***".utf8))
        }
        let text = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar -> Character in
            scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? " " : Character(scalar)
        }
        let words = String(text).split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        var shown = ""
        for character in words.reversed() where shown.utf8.count + character.utf8.count <= 500 {
            shown.append(character)
        }
        return String(shown.reversed())
    }
}

extension ScriptCommand: CustomStringConvertible, CustomReflectable {
    /// Without values: they are nobody's to read.
    var description: String { "\(path) \(name)" }
    var customMirror: Mirror { Mirror(self, children: ["path": path, "name": name]) }
}

/// One call of a script.
struct ScriptCall: Hashable, Sendable {
    enum Verb: Hashable, Sendable { case add(IPAddress), delete(IPAddress), flush }

    var command: ScriptCommand
    var verb: Verb

    /// What follows the path.
    var arguments: [String] {
        switch verb {
        case .add(let address): ["add", command.name, command.text(address)]
        case .delete(let address): ["del", command.name, command.text(address)]
        case .flush: ["flush", command.name]
        }
    }

    var description: String { ([command.path] + arguments).joined(separator: " ") }
}
