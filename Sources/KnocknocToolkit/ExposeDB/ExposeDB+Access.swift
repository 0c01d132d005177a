import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    func list(_ site: ExposedSite) async throws -> Outcome {
        let entries = try site.entries()
        var outcome = Outcome("list", site, changed: false)
        outcome.networks = try await networkFields(entries, site)
        outcome.lines = entries.map(\.network.description)
        for network in outcome.networks ?? [] where !network.allowed {
            console.note("\(network.network) does not get in: " + network.decidedBy.joined(separator: "; "))
        }
        if entries.isEmpty {
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
        let file = site.cluster.facts.hbaFile
        var parts: [String] = []
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
        var outcome = Outcome("remove", site, changed: changed)
        outcome.lines = networks.map { network in
            known.contains(network)
                ? "\(network) may not use the database any more; sessions that are open stay until they end"
                : "\(network) was not allowed; nothing to remove"
        }
        for network in networks {
            for wider in known.subtracting(networks) where wider.contains(network) {
                outcome.lines.append("\(network) still gets in as a part of \(wider)")
            }
        }
        outcome.networks = try await networkFields(try site.entries(), site)
        return outcome
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

    /// Bytes that are no text are shown as the replacement character; the file keeps them.
    func difference(_ old: [UInt8], _ new: [UInt8], _ name: String) -> String {
        LineDiff.unified(String(decoding: old, as: UTF8.self), String(decoding: new, as: UTF8.self), name: name)
    }
}
