public import KnocknocModel
import KnocknocSystem

extension Replica {
    /// On the primary: has every commit wait for this standby, so that nothing that was acknowledged is lost with the
    /// primary; while the standby is away nothing is committed.
    public func synchronous(_ host: IPAddress) async throws -> Outcome {
        let cluster = try await site().cluster
        let name = Self.name(of: host)
        return try await SystemFile(cluster.facts.hbaFile).locked {
            let followers = try await cluster.followers()
            guard followers.contains(where: { $0.name == name && $0.state == "streaming" }) else {
                throw SystemError(
                    .failed,
                    "\(host) does not follow this machine at this moment, so every commit would hang; see knocker cluster"
                )
            }
            let record = try await SiteRecord.read(cluster)
            if record.synchronous == name, followers.contains(where: { $0.name == name && $0.sync == "sync" }) {
                return Outcome(lines: ["Every commit waits for \(host) already; nothing changed."])
            }
            // The note never outlives what it says: one of another standby, or of a setting that is gone, goes first.
            if record.synchronous != nil { try await unnote(cluster) }
            let before = AutoConf(try cluster.autoConf.text() ?? "")["synchronous_standby_names"]
            try await Undoing.run(console) { steps in
                try await steps.step("Setting synchronous_standby_names to \(name)") {
                    try await cluster.alterSystem([("synchronous_standby_names", name)])
                    try await cluster.reload()
                } undo: {
                    try await cluster.alterSystem([("synchronous_standby_names", before)])
                    try await cluster.reload()
                }
                try await untilSynchronous(name, cluster)
                try await steps.step("Noting it where the standby learns of it") {
                    // Now that it waits, the note itself is with the standby when it is done.
                    try await SiteRecord.note(synchronous: name, cluster, waits: true)
                } undo: {
                    try await unnote(cluster)
                }
            }
            return Outcome(
                changed: true,
                lines: [
                    "Every commit waits for \(host) now: a promotion of it loses nothing and signs nobody out.",
                    "While it is away nothing is committed and nothing opens. If that lasts: sudo knocker replica "
                        + "--asynchronous",
                ])
        }
    }

    /// On the primary: commits wait for nobody.
    public func asynchronous() async throws -> Outcome {
        let cluster = try await site().cluster
        return try await SystemFile(cluster.facts.hbaFile).locked {
            let settings = try await cluster.settings(["synchronous_standby_names"])
            let names = settings["synchronous_standby_names"]?.setting ?? ""
            let record = try await SiteRecord.read(cluster)
            guard !names.isEmpty || record.synchronous != nil else {
                return Outcome(lines: ["Commits wait for no standby; nothing changed."])
            }
            // First the note, so that no standby that lacks a commit thinks itself whole.
            let knows = try await unnote(cluster)
            try await cluster.alterSystem([("synchronous_standby_names", nil)])
            try await cluster.reload()
            var lines = [
                "Commits wait for no standby any more: what the last seconds brought may be lost with this machine."
            ]
            if !knows {
                lines.append(
                    "The standby is away and does not know: until it has caught up (knocker cluster), promote it only with "
                        + "--end-sessions.")
            }
            return Outcome(changed: true, lines: lines)
        }
    }

    /// Takes the note away and waits, for 5 s at most, until the standby that it names has that.
    ///
    /// - Returns: whether it has.
    @discardableResult
    private func unnote(_ cluster: LocalCluster) async throws -> Bool {
        guard let name = try await SiteRecord.read(cluster).synchronous else { return true }
        // Nobody is waited for by the commit itself: a standby that is away would keep it for ever.
        try await SiteRecord.note(synchronous: nil, cluster)
        if try await cluster.isKnown(to: name) { return true }
        console.note("\(name) has not learned that commits wait for it no longer")
        return false
    }

    private func untilSynchronous(_ name: String, _ cluster: LocalCluster) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            if try await cluster.followers().contains(where: { $0.name == name && $0.sync == "sync" }) { return }
            guard ContinuousClock.now < deadline else {
                throw SystemError(.failed, "the standby did not become synchronous within 30 s")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
