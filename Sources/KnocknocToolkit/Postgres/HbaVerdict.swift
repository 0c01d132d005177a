import KnocknocModel

/// What the rules of pg_hba.conf say about sessions over TLS from one network: the first that matches decides.
struct HbaVerdict: Sendable {
    /// Who comes.
    struct Guest: Sendable {
        var database: String
        var login: String
        /// Every role that the login is a member of, itself among them.
        var roles: Set<String>
    }

    let network: CIDR
    /// Decides for the network, but for its parts.
    private(set) var deciding: HbaRule?
    /// Earlier rules that decide for a part of it, or may: a host name is looked up when somebody comes.
    private(set) var parts: [(rule: HbaRule, part: CIDR?)] = []

    /// Whether the network as a whole gets in as our line says.
    var isAllowed: Bool { deciding?.auth_method == "scram-sha-256" }

    /// - Parameter own: the networks that this machine is in, for `samenet` and `samehost`.
    init(_ network: CIDR, _ guest: Guest, _ rules: [HbaRule], own: [(address: IPAddress, network: CIDR)]) {
        self.network = network
        for rule in rules where rule.error == nil && Self.matches(rule, guest) {
            let reach = Self.reach(of: rule, own)
            if case .networks(let networks) = reach {
                if networks.contains(where: { $0.contains(network) }) {
                    deciding = rule
                    return
                }
                for part in networks where network.contains(part) { parts.append((rule, part)) }
            } else if case .unknown = reach {
                parts.append((rule, nil))
            } else {
                deciding = rule
                return
            }
        }
    }

    private enum Reach { case everywhere, networks([CIDR]), unknown }

    private static func reach(of rule: HbaRule, _ own: [(address: IPAddress, network: CIDR)]) -> Reach {
        switch rule.address {
        case "all": .everywhere
        case "samehost": .networks(own.map { CIDR($0.address) })
        case "samenet": .networks(own.map(\.network))
        default: rule.network.map { .networks([$0]) } ?? .unknown
        }
    }

    private static func matches(_ rule: HbaRule, _ guest: Guest) -> Bool {
        guard ["host", "hostssl", "hostnogssenc"].contains(rule.type) else { return false }
        let isDatabase = (rule.database ?? []).contains { name in
            switch name {
            case "all": true
            case "sameuser": guest.login == guest.database
            case "samerole", "samegroup": guest.roles.contains(guest.database)
            // A regular expression (PostgreSQL 16): taken as a match, since it may be one.
            default: name == guest.database || name.hasPrefix("/")
            }
        }
        return isDatabase
            && (rule.user_name ?? []).contains { name in
                name == "all" || name == guest.login || name.hasPrefix("/")
                    || name.hasPrefix("+") && guest.roles.contains(String(name.dropFirst()))
            }
    }

    /// A sentence for each that decides.
    func sentences(file: String) -> [String] {
        var sentences = parts.map { rule, part in
            let whom = part.map { "for \($0)" } ?? "for whoever \(rule.address ?? "it") names"
            return "\(rule.place(in: file)) decides first \(whom): \(rule.shown)"
        }
        if let deciding {
            let outcome = isAllowed ? "let in" : "not let in as it should be"
            sentences.append("\(network) is \(outcome) by \(deciding.place(in: file)): \(deciding.shown)")
        } else {
            sentences.append("\(network) is not let in: no line of \(file) matches it")
        }
        return sentences
    }
}
