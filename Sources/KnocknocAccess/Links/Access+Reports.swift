public import KnocknocModel
public import KnocknocProtocol
import KnocknocStore
import Logging

extension Access {
    /// Notes what an agent has done, where the row is older and the link's epoch is still the newest. Reports are
    /// cumulative, so the one that names the highest revision says it all.
    public func record(agent: AgentID, linkEpoch: Int64, applied: [AgentMessage.Applied]) async throws {
        guard let newest = applied.enumerated().max(by: { ($0.1.revision, $0.0) < ($1.1.revision, $1.0) })?.1
        else { return }
        // Without waiting for the disk (an agent says it again to a database that was away), and without the users, so
        // that the rows are free again at once.
        let (targets, entries) = try await write(WriteOptions(durability: .hasty)) { tx in
            let now = late
            var statements = [
                ReportTable.targetsApplied(agent, epoch: linkEpoch, upTo: newest.revision),
                ReportTable.entriesApplied(agent, epoch: linkEpoch, upTo: newest.revision, now: now),
                ReportTable.entriesRecovered(agent, epoch: linkEpoch, upTo: newest.revision, now: now),
            ]
            for failure in newest.failures {
                // Postgres stores no U+0000, and one report must not void the rest.
                let reason = String(failure.reason.prefix(500).filter { $0 != "\0" })
                if let entry = failure.entry {
                    statements.append(ReportTable.entryFailed(entry, agent, epoch: linkEpoch, reason: reason))
                } else {
                    statements.append(
                        ReportTable.targetFailed(failure.target, agent, epoch: linkEpoch, reason: reason))
                }
            }
            statements += newest.dryRun.map { ReportTable.targetDryRun($0, agent, epoch: linkEpoch) }
            var targets: Set<TargetID> = []
            var entries: Set<EntryID> = []
            for row in try await tx.run(statements).joined() {
                if row.columns.names.contains("entry_id") {
                    entries.insert(try row.identifier("entry_id"))
                } else {
                    targets.insert(try row.identifier("id"))
                }
            }
            return ((targets, entries), Effects())
        }
        // The report is written; where its people cannot be looked up, everybody looks again.
        let users = try? await users(targets, entries, database)
        announce(users.map { Effects(users: $0) } ?? Effects(everybody: true))
        if let drift = newest.drift { await note(drift, agent) }
    }

    /// Somebody changed by hand what an agent enforces, and it has put that right.
    private func note(_ drift: AgentMessage.Drift, _ agent: AgentID) async {
        let line = AuditLine(
            "agent.drift", by: .agent(agent, name: ""), ("agent", agent.description, nil),
            ["put back": "\(drift.added)", "taken away": "\(drift.removed)"])
        await auditSparingly("agent.drift \(agent)", line, from: nil)
    }

    /// Notes how a guard on trial fares.
    public func trial(agent: AgentID, linkEpoch: Int64, trial: AgentMessage.Trial) async throws {
        try await write { tx in
            let report = try JSON.text(trial)
            let known = try await tx.run(ReportTable.trial(trial.target, agent, epoch: linkEpoch, report: report))
            if !known.isEmpty {
                let line = AuditLine(
                    "target.trial_\(trial.state.rawValue)", by: .agent(agent, name: ""),
                    ("target", trial.target.description, nil),
                    ["flows": "\(trial.flows)", "sources": trial.sources.map(\.description).joined(separator: " ")])
                try await tx.run(try audit(line, at: late, nil))
            }
            return ((), Effects(users: known.isEmpty ? [] : try await users([trial.target], [], tx)))
        }
    }

    /// Removals that are looked at; an agent remembers far fewer.
    private static let maximumRemovals = 3000

    /// Ends the rights behind entries that the agent removed on this site's word and that a rewound store wants
    /// again, with a revision that the agent has already seen. Of too many removals the newest are looked at.
    public func replay(agent: AgentID, removals: [Removal]) async throws {
        var newest: [EntryID: Removal] = [:]
        for removal in removals.sorted(by: { $0.revision > $1.revision }).prefix(Self.maximumRemovals)
        where newest[removal.entry] == nil { newest[removal.entry] = removal }
        if removals.count > Self.maximumRemovals {
            logger.warning("too many removals in one hello", metadata: ["agent": "\(agent)", "n": "\(removals.count)"])
        }
        let candidates = newest
        let known = try await revived(candidates, agent, database)
        guard !known.isEmpty else { return }
        try await write { tx in
            let now = late
            let revived = try await revived(candidates, agent, tx)
            var ending = Ending(reason: "revoke_replayed")
            var lines: [AuditLine] = []
            for removal in revived {
                ending.merge(try await end(.entry(removal.entry), reason: "revoke_replayed", at: now, tx))
                ending.entries.insert(removal.entry)
                ending.agents.insert(agent)
                lines.append(
                    AuditLine(
                        "RevokeReplayed", by: .agent(agent, name: ""), ("entry", removal.entry.description, nil),
                        ["address": removal.address.description, "revision": "\(removal.revision)"]))
            }
            guard !revived.isEmpty else { return ((), Effects()) }
            return ((), try await settle(ending, at: now, by: .system, nil, extra: lines, tx))
        }
    }

    /// Revisions of another site epoch cannot be compared; there the removal stands.
    private func revived(
        _ removals: [EntryID: Removal], _ agent: AgentID, _ executor: any Executor
    ) async throws -> [Removal] {
        let statements = LinkTable.wanted(removals.keys.sorted(), agent: agent)
        guard !statements.isEmpty else { return [] }
        return try await executor.run(statements).joined().compactMap { row in
            guard let removal = removals[try row.identifier("entry_id")] else { return nil }
            let comparable = try row.text("epoch") == removal.epoch
            return try !comparable || row.integer("revision") <= removal.revision ? removal : nil
        }
    }

    private func users(
        _ targets: Set<TargetID>, _ entries: Set<EntryID>, _ executor: any Executor
    ) async throws -> Set<UserID> {
        let statements = ReportTable.users(ofEntries: entries.sorted()) + ReportTable.users(ofTargets: targets.sorted())
        guard !statements.isEmpty else { return [] }
        return Set(try await executor.run(statements).joined().map { try $0.identifier("user_id", as: UserID.self) })
    }
}
