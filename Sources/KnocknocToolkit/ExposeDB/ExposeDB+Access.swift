import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    func list(_ site: ExposedSite) async throws -> Outcome {
        var outcome = Outcome("list", site, changed: false)
        let networks = try await allowedFields(site)
        outcome.networks = networks
        outcome.lines = networks.map(\.network)
        for network in networks where !network.allowed {
            console.note("\(network.network) does not get in: " + network.decidedBy.joined(separator: "; "))
        }
        for network in networks where network.allowed && network.uncertain {
            console.note("\(network.network) may not get in: " + network.decidedBy.joined(separator: "; "))
        }
        if networks.isEmpty {
            console.note("no address is allowed to use the database from another machine; --add allows one")
        }
        return outcome
    }

    func add(_ networks: [CIDR], _ site: ExposedSite) async throws -> Outcome {
        guard let login = try await site.logins().last?.name else {
            throw SystemError(
                .failed, "the database is not exposed yet; do that first: sudo knocker exposedb --init")
        }
        let known = Set(try site.entries().map(\.network))
        let edit = { (document: inout HbaDocument) in
            for network in networks {
                document.add(HbaEntry(database: site.database, role: InstallLayout.owner, network: network))
            }
        }
        if options.isDryRun { return try preview("add", site, edit) }
        let (guest, own) = (try await site.guest(login), OwnAddresses.networks())
        let (file, console) = (site.cluster.facts.hbaFile, console)
        let new = networks.filter { !known.contains($0) }
        let recorded = try await SiteRecord.read(site.cluster).allowed
        var parts: [String] = []
        let changed = try await Undoing.run(console) { steps in
            try await steps.step("Allowing \(networks.map(\.description).joined(separator: ", "))") {
                let changed = try await site.cluster.changeHba(console, edit) { rules in
                    for network in networks {
                        let verdict = HbaVerdict(network, guest, rules, own: own)
                        let sentences = verdict.sentences(file: file)
                        guard verdict.isAllowed else {
                            throw SystemError(
                                .failed,
                                sentences.joined(separator: "\n")
                                    + "\nThat line stands before ours and is yours to change; nothing is changed")
                        }
                        parts += sentences.dropLast()
                    }
                }
                try await SiteRecord.note(allowed: try site.entries().map(\.network), site.cluster)
                return changed
            } undo: {
                guard try await SiteRecord.read(site.cluster).allowed != recorded || !Self.isFree(of: new, site) else {
                    return
                }
                try await SiteRecord.note(allowed: recorded, site.cluster)
                _ = try await site.cluster.changeHba(console) { document in
                    document.remove { $0.database == site.database && new.contains($0.network) }
                } verify: { _ in
                }
            }
        }
        return try await Interruption.held {
            var outcome = Outcome("add", site, changed: changed)
            for part in parts { console.note(part) }
            outcome.lines = networks.map { network in
                known.contains(network)
                    ? "\(network) was allowed already; nothing changed"
                    : "\(network) may use the database \"\(site.database)\" now"
            }
            outcome.networks = try await networkFields(try site.entries(), site)
            return outcome
        }
    }

    private static func isFree(of networks: [CIDR], _ site: ExposedSite) throws -> Bool {
        try site.entries().allSatisfy { !networks.contains($0.network) }
    }

    func remove(_ networks: [CIDR], _ site: ExposedSite) async throws -> Outcome {
        let known = Set(try site.entries().map(\.network))
        let edit = { (document: inout HbaDocument) in
            document.remove { $0.database == site.database && networks.contains($0.network) }
        }
        if options.isDryRun { return try preview("remove", site, edit) }
        // First: a standby that is promoted lets in whom this says.
        let staying = try site.entries().map(\.network).filter { !networks.contains($0) }
        try await SiteRecord.note(allowed: staying, site.cluster)
        let changed = try await site.cluster.changeHba(console, edit) { _ in }
        return try await Interruption.held {
            var outcome = Outcome("remove", site, changed: changed)
            let removed = try await removals(networks, site)
            for (network, openings) in removed {
                let isKnown = known.contains(network)
                guard !openings.isEmpty else {
                    outcome.lines.append(
                        isKnown
                            ? "\(network) may not use the database any more; sessions that are open stay until they end"
                            : "\(network) was not allowed; nothing to remove")
                    continue
                }
                outcome.lines.append(
                    isKnown ? "Our line for \(network) is gone, and yet:" : "\(network) had no line of ours, and yet:")
                outcome.lines += openings
            }
            outcome.removed = removed.map { network, openings in
                Outcome.Network(
                    network: network.description, allowed: !openings.isEmpty, uncertain: false, decidedBy: openings)
            }
            outcome.networks = try await networkFields(try site.entries(), site)
            outcome.lines += try await standbyLines(site)
            return outcome
        }
    }

    /// By what networks without a line of ours still get in, by the rules as the server reads them.
    private func removals(
        _ networks: [CIDR], _ site: ExposedSite
    ) async throws -> [(network: CIDR, openings: [String])] {
        let rules = try await site.cluster.hbaRules()
        let login = try await site.logins().last?.name ?? InstallLayout.owner
        let guest = try await site.guest(login)
        let (entries, own, file) = (try site.entries(), OwnAddresses.networks(), site.cluster.facts.hbaFile)
        return networks.map { network in
            var found: [HbaRule] = []
            for isEncrypted in [true, false] {
                var guest = guest
                guest.isEncrypted = isEncrypted
                for rule in HbaVerdict(network, guest, rules, own: own).admitting where !found.contains(rule) {
                    found.append(rule)
                }
            }
            let openings = found.map { rule in
                let isOurs = entries.contains {
                    $0.network == rule.network && rule.user_name == ["+\(InstallLayout.owner)"]
                        && rule.type == "hostssl"
                }
                return isOurs
                    ? "  \(network) still gets in as a part of \(rule.network?.description ?? "a wider network")"
                    : "  \(network) still gets in, or a part of it may, by \(rule.place(in: file)) of \(file), which is "
                        + "yours to change: \(rule.shown)"
            }
            return (network, openings)
        }
    }

    /// What is left to do on standbys, which have a pg_hba.conf of their own.
    func standbyLines(_ site: ExposedSite) async throws -> [String] {
        var lines = try await Replica.known(site.cluster).map { host in
            "The standby at \(host) lets in whom it let in before until it is told. There: sudo knocker replica --refresh"
        }
        if let name = try await SiteRecord.read(site.cluster).synchronous, try await !site.cluster.isKnown(to: name) {
            lines.append(
                "That standby is away and has not learned of this: promoted before it follows again, it lets in whom this "
                    + "machine let in before.")
        }
        return lines
    }

    /// What an edit would change in pg_hba.conf.
    func preview(_ action: String, _ site: ExposedSite, _ edit: (inout HbaDocument) -> Void) throws -> Outcome {
        let (old, document) = try site.cluster.hbaDocument()
        var edited = document
        edit(&edited)
        var outcome = Outcome(action, site, changed: false)
        outcome.differences = [difference(old, edited.bytes, site.cluster.facts.hbaFile)].filter { !$0.isEmpty }
        outcome.lines = outcome.differences ?? []
        if outcome.lines.isEmpty { outcome.lines = ["nothing would change"] }
        return outcome
    }

    /// Bytes that are no text are shown as the replacement character, and passwords as ***; the file keeps them.
    func difference(_ old: [UInt8], _ new: [UInt8], _ name: String) -> String {
        LineDiff.unified(
            Redaction.of(String(decoding: old, as: UTF8.self)), Redaction.of(String(decoding: new, as: UTF8.self)),
            name: name)
    }
}
