import KnocknocModel
import KnocknocSystem

/// The pg_hba.conf that Patroni writes: the whole list, each line as it stands there and as the server reads it.
struct PatroniRules: Sendable {
    /// What becomes of a network that is to be taken out.
    struct Removal: Sendable {
        var network: CIDR
        /// Whether a line goes.
        var isEffective: Bool
        /// By what it gets in all the same.
        var openings: [String]

        var lines: [String] {
            guard openings.isEmpty else {
                let beginning =
                    isEffective ? "The line for \(network) is gone then" : "\(network) has no line to take out"
                return [beginning + ", and yet:"] + openings
            }
            return [
                isEffective
                    ? "\(network) may not use the database any more then; sessions that are open stay until they end."
                    : "\(network) is not allowed; there is nothing to remove."
            ]
        }
    }

    private struct Line {
        /// In the file, counted from 1; nil where it is new.
        var number: Int?
        /// On one line, without comments around it.
        var text: String
        var admitsHosts: Bool
    }

    private let database: String
    private let file: String
    private let guests: [HbaVerdict.Guest]
    private let own: [(address: IPAddress, network: CIDR)]
    private var lines: [Line]
    private var rules: [HbaRule]

    /// - Throws: ``SystemError`` `failed` where the file changes meanwhile.
    init(_ site: ExposedSite) async throws {
        (database, file, own) = (site.database, site.cluster.facts.hbaFile, OwnAddresses.networks())
        guests = try await site.guests()
        let bytes = try site.cluster.hbaDocument().bytes
        rules = try await site.cluster.hbaRules().map { rule in
            // The server has read it and only says that TLS is off, which is on with our next command at the latest.
            var rule = rule
            if rule.type == "hostssl", rule.auth_method != nil { rule.error = nil }
            return rule
        }
        guard try site.cluster.hbaDocument().bytes == bytes else {
            throw SystemError(.failed, "\(file) has just been written by somebody else; try again")
        }
        let text = HbaText(bytes, continues: site.cluster.majorVersion >= 14)
        lines = text.lines.filter { !$0.fields.isEmpty }.map { line in
            let words = String(decoding: text.bytes[line.range], as: UTF8.self).replacing("\\\n", with: "")
                .split(whereSeparator: \.isNewline).joined(separator: " ")
            return Line(number: line.number, text: words, admitsHosts: line.admitsHosts)
        }
    }

    /// For `pg_hba` of Patroni's settings.
    var texts: [String] { lines.map(\.text) }

    /// - Parameter whom: as pg_hba.conf names who may sign in.
    /// - Returns: whether anything is to be done.
    mutating func add(_ network: CIDR, for whom: String) -> Bool {
        let entry = HbaEntry(database: database, role: InstallLayout.owner, network: network).line
        let text = entry.replacing("+\(InstallLayout.owner)", with: whom)
        // With password and TLS, as our own line would.
        let isKnown = guests.filter(\.isEncrypted).allSatisfy { guest in
            let verdict = HbaVerdict(network, guest, rules, own: own)
            return verdict.isAllowed && verdict.parts.isEmpty && verdict.deciding.map { isOurs($0, network) } ?? false
        }
        guard !isKnown, !texts.contains(text) else { return false }
        let place = lines.firstIndex(where: \.admitsHosts) ?? lines.count
        let isNextToOthers = lines.lastIndex { $0.number == nil }.map { $0 + 1 }
        lines.insert(Line(number: nil, text: text, admitsHosts: true), at: isNextToOthers ?? place)
        return true
    }

    /// Takes out what lets exactly these networks into our database and no other, whoever wrote it and for whichever
    /// login.
    mutating func remove(_ networks: [CIDR]) -> [Removal] {
        let gone = rules.filter { rule in networks.contains { isOurs(rule, $0) } }
        let numbers = Set(gone.map(\.line_number))
        lines.removeAll { $0.number.map(numbers.contains) ?? false }
        rules.removeAll(where: gone.contains)
        return networks.map { network in
            Removal(
                network: network, isEffective: gone.contains { $0.network == network }, openings: openings(for: network)
            )
        }
    }

    /// Whether a line of this file is about our database and this network alone, and lets in.
    private func isOurs(_ rule: HbaRule, _ network: CIDR) -> Bool {
        rule.database == [database] && rule.network == network && rule.type?.hasPrefix("host") ?? false
            && rule.auth_method != "reject" && rule.file_name ?? file == file
    }

    private func openings(for network: CIDR) -> [String] {
        var found: [HbaRule] = []
        for guest in guests {
            for rule in HbaVerdict(network, guest, rules, own: own).admitting where !found.contains(rule) {
                found.append(rule)
            }
        }
        return found.map { rule in
            let by = "by \(rule.place(in: file)) of \(file): \(rule.shown)"
            guard let wider = rule.network, wider.contains(network), wider != network else {
                return "  \(network) still gets in, or a part of it may, \(by)"
            }
            let way = isOurs(rule, wider) ? "; --remove \(wider) takes that out" : ""
            return "  \(network) still gets in as a part of \(wider), \(by)\(way)"
        }
    }

    /// The networks of all rules that let somebody with one of our logins into our database from another machine.
    var allowed: [ExposeDB.Outcome.Network] {
        let everywhere = [CIDR(containing: .v4(0), length: 0), CIDR(containing: .v6(0), length: 0)].compactMap(\.self)
        var found: [ExposeDB.Outcome.Network] = []
        for rule in rules where rule.address != "samehost" {
            let networks = rule.network.map { [$0] } ?? everywhere
            let isAdmitting = networks.contains { network in
                guests.contains { !HbaVerdict(network, $0, [rule], own: own).admitting.isEmpty }
            }
            guard isAdmitting, !networks.allSatisfy({ $0.address.isLoopback }) else { continue }
            let isKnownNow = rule.network != nil || rule.address == "all"
            let fields = isKnownNow ? networks.map(field) : [field(of: rule)]
            found += fields.filter { new in !found.contains { $0.network == new.network } }
        }
        return found
    }

    private func field(of network: CIDR) -> ExposeDB.Outcome.Network {
        let verdicts = guests.map { HbaVerdict(network, $0, rules, own: own) }
        let letIn = verdicts.first { !$0.admitting.isEmpty }
        let verdict = letIn ?? verdicts.first
        return ExposeDB.Outcome.Network(
            network: network.description, allowed: letIn != nil, uncertain: verdict?.isUncertain ?? true,
            decidedBy: verdict?.sentences(file: file) ?? [])
    }

    /// Of one whose addresses are known only when somebody comes.
    private func field(of rule: HbaRule) -> ExposeDB.Outcome.Network {
        ExposeDB.Outcome.Network(
            network: rule.address ?? "?", allowed: true, uncertain: true,
            decidedBy: [
                "\(rule.place(in: file)) lets in the addresses that it means when somebody comes: \(rule.shown)"
            ])
    }
}
