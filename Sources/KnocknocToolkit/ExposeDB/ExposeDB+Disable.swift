import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    /// Takes back what `--init` and `--add` did: our lines, our logins, the settings from before.
    func disable(_ site: ExposedSite) async throws -> Outcome {
        let cluster = site.cluster
        let logins = try await site.logins()
        let sessions = logins.flatMap(\.sessions).map(\.shown)
        guard sessions.isEmpty || options.isForced || options.isDryRun else {
            throw SystemError(
                .failed,
                "other nodes use the database: \(sessions.joined(separator: ", ")). Stop them first, or give --force, "
                    + "which ends their sessions. Nothing is changed")
        }
        let others = try await isNeededByOthers(site)
        let values = others ? [] : try await previous(cluster)
        let remove = { (document: inout HbaDocument) in document.remove { $0.database == site.database } }
        if options.isDryRun {
            var outcome = try preview("disable", site, remove)
            outcome.lines += values.map { name, value in
                value.map { "\(name) would be '\($0)' again" } ?? "\(name) would be as in postgresql.conf again"
            }
            outcome.lines += logins.map { "The login \($0.name) would be dropped." }
            return outcome
        }
        // First: a standby that is promoted lets in whom this says.
        try await SiteRecord.note(allowed: [], cluster)
        var changed = try await cluster.changeHba(console, remove) { _ in }
        for login in logins {
            console.note("Dropping the login \(login.name)")
            try await cluster.run(NodeLogin.dropping(login.name))
            changed = true
        }
        if !values.isEmpty {
            try await Undoing.run(console) { steps in try await putBack(values, cluster, &steps) }
            changed = true
        }
        if !others { try cluster.autoConfCopy.remove() }
        var outcome = Outcome("disable", site, changed: changed)
        outcome.cluster = try await clusterFields(site)
        outcome.exposed = false
        let listening = outcome.cluster?.listenAddresses ?? ""
        outcome.lines = [
            changed
                ? "The database \"\(site.database)\" is not exposed any more; it listens on "
                    + "\(listening.isEmpty ? "no address" : listening)."
                : "The database \"\(site.database)\" was not exposed; nothing changed."
        ]
        if others {
            outcome.lines.append("Another database of this cluster is exposed still, so it goes on listening.")
        }
        return outcome
    }

    /// What ALTER SYSTEM has said since the copy of `--init`, with the value that it had before.
    private func previous(_ cluster: LocalCluster) async throws -> [(name: String, value: String?)] {
        guard let copy = try cluster.autoConfCopy.text(), let now = try cluster.autoConf.text() else { return [] }
        let (before, after) = (AutoConf(copy), AutoConf(now))
        return ["listen_addresses", "ssl", "ssl_cert_file", "ssl_key_file"].compactMap { name in
            before[name] == after[name] ? nil : (name, before[name])
        }
    }

    private func isNeededByOthers(_ site: ExposedSite) async throws -> Bool {
        try site.cluster.hbaDocument().document.contents.contains { content in
            if case .entry(let entry) = content { entry.database != site.database } else { false }
        }
    }

    private func putBack(
        _ values: [(name: String, value: String?)], _ cluster: LocalCluster, _ steps: inout Undoing
    ) async throws {
        guard let before = try cluster.autoConf.bytes() else { return }
        let keeper = try await cluster.keeper()
        try await steps.step("Setting \(values.map(\.name).joined(separator: ", ")) as before, by ALTER SYSTEM") {
            try await cluster.alterSystem(values)
        } undo: {
            try cluster.restoreAutoConf(before)
            try await cluster.recover(by: keeper)
        }
        if values.contains(where: { $0.name == "listen_addresses" }) {
            try await steps.step("Restarting \(cluster.name) (\(keeper.name))") {
                try await cluster.restart(by: keeper)
            }
        } else {
            try await steps.step("Having \(cluster.name) read its settings") { try await cluster.reload() }
        }
        guard values.contains(where: { $0.name == "ssl_key_file" }) else { return }
        for name in [ListeningPlan.certificate, ListeningPlan.key] {
            try SystemFile(cluster.dataDirectory + "/" + name).remove()
        }
    }
}
