import KnocknocModel

/// What the rules of pg_hba.conf say about sessions from one network: the first that matches decides. What only the
/// server can tell, as which names a regular expression means, is not guessed.
struct HbaVerdict: Sendable {
    /// Who comes.
    struct Guest: Sendable {
        var database: String
        var login: String
        /// Every role that the login is a member of, itself among them.
        var roles: Set<String>
        var isEncrypted = true
    }

    /// An earlier rule that decides for a part of the network, or may.
    struct Part: Sendable {
        enum Reach: Hashable, Sendable {
            case network(CIDR)
            /// Names of hosts, looked up when somebody comes; this machine's own networks at that moment; a mask with
            /// holes.
            case addresses
            /// A regular expression for logins or databases (PostgreSQL 16).
            case names
        }

        var rule: HbaRule
        var reach: Reach
    }

    let network: CIDR
    /// Decides for the network, but for its parts.
    private(set) var deciding: HbaRule?
    private(set) var parts: [Part] = []

    /// Whether the network as a whole gets in as our line says, unless a rule that only the server understands comes
    /// first (``isUncertain``).
    var isAllowed: Bool { deciding.map { $0.auth_method == "scram-sha-256" && !$0.wantsCertificate } ?? false }

    /// Whether an earlier rule may decide, which only the server can tell.
    var isUncertain: Bool { parts.contains { if case .network = $0.reach { false } else { true } } }

    /// The rules by which somebody of the network gets in, or may.
    var admitting: [HbaRule] {
        (parts.map(\.rule) + [deciding].compactMap(\.self)).filter { $0.auth_method != "reject" }
    }

    /// - Parameter own: the networks that this machine is in, for `samenet` and `samehost`.
    init(_ network: CIDR, _ guest: Guest, _ rules: [HbaRule], own: [(address: IPAddress, network: CIDR)]) {
        self.network = network
        for rule in rules where rule.error == nil {
            let match = Self.match(rule, guest)
            guard match != .no else { continue }
            switch Self.reach(of: rule, own, network) {
            case .none: continue
            case .whole where match == .yes:
                deciding = rule
                return
            case .whole: parts.append(Part(rule: rule, reach: .names))
            case .part(let part): parts.append(Part(rule: rule, reach: match == .yes ? .network(part) : .names))
            case .unknown: parts.append(Part(rule: rule, reach: .addresses))
            }
        }
    }

    private enum Reach { case none, whole, part(CIDR), unknown }

    /// What of the network a rule is about.
    private static func reach(
        of rule: HbaRule, _ own: [(address: IPAddress, network: CIDR)], _ network: CIDR
    ) -> Reach {
        switch rule.address {
        case "all": return .whole
        case "samehost": return overlap(own.map { CIDR($0.address) }, network) ? .unknown : .none
        case "samenet": return overlap(own.map(\.network), network) ? .unknown : .none
        default:
            guard let its = rule.network else { return .unknown }
            if its.contains(network) { return .whole }
            return network.contains(its) ? .part(its) : .none
        }
    }

    private static func overlap(_ networks: [CIDR], _ network: CIDR) -> Bool {
        networks.contains { $0.contains(network) || network.contains($0) }
    }

    private enum Match: Int, Comparable {
        case no, maybe, yes
        static func < (one: Match, other: Match) -> Bool { one.rawValue < other.rawValue }
    }

    private static func match(_ rule: HbaRule, _ guest: Guest) -> Match {
        let types = ["host", guest.isEncrypted ? "hostssl" : "hostnossl", "hostnogssenc"]
        guard types.contains(rule.type ?? "") else { return .no }
        let database = (rule.database ?? []).map { name -> Match in
            switch name {
            case "all", guest.database: .yes
            case "sameuser": guest.login == guest.database ? .yes : .no
            case "samerole", "samegroup": guest.roles.contains(guest.database) ? .yes : .no
            default: name.hasPrefix("/") ? .maybe : .no
            }
        }
        let login = (rule.user_name ?? []).map { name -> Match in
            if name == "all" || name == guest.login { return .yes }
            if name.hasPrefix("+") { return guest.roles.contains(String(name.dropFirst())) ? .yes : .no }
            return name.hasPrefix("/") ? .maybe : .no
        }
        return min(database.max() ?? .no, login.max() ?? .no)
    }

    /// A sentence for each that decides.
    func sentences(file: String) -> [String] {
        var sentences = parts.map { part in
            let place = part.rule.place(in: file)
            return switch part.reach {
            case .network(let network): "\(place) decides first for \(network): \(part.rule.shown)"
            case .addresses:
                "\(place) may decide first, for the addresses that \(part.rule.address ?? "it") means when somebody "
                    + "comes: \(part.rule.shown)"
            case .names: "\(place) may decide first, which only PostgreSQL can tell: \(part.rule.shown)"
            }
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

extension HbaRule {
    /// Whether a password alone is not enough.
    var wantsCertificate: Bool {
        (options ?? []).contains { $0.hasPrefix("clientcert=") && $0 != "clientcert=no-verify" && $0 != "clientcert=0" }
    }
}
