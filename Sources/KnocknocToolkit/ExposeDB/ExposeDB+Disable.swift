import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    /// Takes back what `--init` and `--add` did: our lines, our logins, the settings from before. What is taken back
    /// stays so where the rest fails, since that can only shorten access; the same command goes on from there.
    func disable(_ site: ExposedSite) async throws -> Outcome {
        let cluster = site.cluster
        let own = try await site.ownLogins()
        let logins = try await site.logins() + own
        try refuseWhileUsed(logins, own, site)
        try await refuseWhileFollowed(site)
        let others = try await isNeededByOthers(site)
        let plan = others ? nil : try await Retreat(cluster)
        let remove = { (document: inout HbaDocument) in document.remove { $0.database == site.database } }
        if options.isDryRun {
            var outcome = try preview("disable", site, remove)
            outcome.lines += plan?.lines ?? []
            outcome.lines += logins.map { "The login \($0.name) would be dropped." }
            return outcome
        }
        var changed = false
        do {
            // First: a standby that is promoted lets in whom this says.
            try await SiteRecord.note(allowed: [], cluster)
            changed = try await cluster.changeHba(console, remove) { _ in }
            for login in logins {
                try Interruption.check()
                console.note("Dropping the login \(login.name)")
                try await cluster.run(NodeLogin.dropping(login.name))
                changed = true
            }
            if let plan {
                let hasRetreated = try await plan.carryOut(cluster, console)
                changed = changed || hasRetreated
            }
        } catch {
            throw await halfDone(error, site)
        }
        return try await Interruption.held { try await disabled(site, changed: changed, others: others) }
    }

    private func disabled(_ site: ExposedSite, changed: Bool, others: Bool) async throws -> Outcome {
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
            outcome.lines.append(
                "Another database of this cluster is exposed still, or a standby follows it, so it goes on listening.")
        }
        outcome.lines += try await standbyLines(site)
        return outcome
    }

    /// A standby has a login and a line of its own, which are not this command's to take back.
    private func refuseWhileFollowed(_ site: ExposedSite) async throws {
        let standbys = try await Replica.known(site.cluster)
        guard !standbys.isEmpty, !options.isForced, !options.isDryRun else { return }
        throw SystemError(
            .failed,
            "standbys follow this database, and may copy all of it: \(standbys.joined(separator: ", ")). First, for each: "
                + "sudo knocker replica --remove HOST. With --force it goes on listening for them. Nothing is changed")
    }

    private func refuseWhileUsed(_ logins: [NodeLogin], _ own: [NodeLogin], _ site: ExposedSite) throws {
        guard !options.isForced, !options.isDryRun else { return }
        if own.contains(where: { $0.name == site.user }) {
            throw SystemError(
                .failed,
                "this machine's own web node comes over the network too, as \(site.user) (replica --follow made it so). "
                    + "Write DatabaseURL = \(site.cluster.socketURL) into its configuration and reload it first, or give "
                    + "--force. Nothing is changed")
        }
        let sessions = logins.flatMap(\.sessions).map(\.shown)
        guard sessions.isEmpty else {
            throw SystemError(
                .failed,
                "other nodes use the database: \(sessions.joined(separator: ", ")). Stop them first, or give --force, "
                    + "which ends their sessions. Nothing is changed")
        }
    }

    /// What is still to be done, and by what.
    private func halfDone(_ error: any Error, _ site: ExposedSite) async -> SystemError {
        let known = error as? SystemError ?? SystemError(.failed, "\(error)")
        let listening = await Interruption.held { try? await clusterFields(site).listenAddresses }
        let state =
            switch listening {
            case nil: "\(site.cluster.name) does not answer at this moment; its log says why"
            case "": "\(site.cluster.name) listens on no address"
            case let addresses?: "\(site.cluster.name) still listens on \(addresses)"
            }
        return SystemError(
            known.code,
            "\(known.message)\n--disable is half done: what it has taken back stays so, and \(state). Mend what is said "
                + "above, then run the same command again, which does the rest: sudo knocker exposedb --disable")
    }

    private func isNeededByOthers(_ site: ExposedSite) async throws -> Bool {
        try site.cluster.hbaDocument().document.contents.contains { content in
            if case .entry(let entry) = content { entry.database != site.database } else { false }
        }
    }
}
