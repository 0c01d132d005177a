import KnocknocModel
import KnocknocProtocol

/// What the database knows of one agent, as small as it can be: current rows, one counter, the log of its changes.
struct ModelStore {
    struct Row {
        var entry: StreamEntry
        /// Which decision of the whole run wrote it; what a rewind cannot take back.
        var decision: Int
    }

    var epoch: String
    var revision: Int64 = 0
    var change = "start"
    var log: [Int64: String] = [0: "start"]
    /// Absent rows up to here may have been deleted.
    var pruned: Int64 = 0
    var targets: [TargetRow] = []
    var rows: [EntryID: Row] = [:]
    var linkEpoch: Int64 = 0
    var applied: Int64 = -1
    var failures: [Failure] = []

    var position: Position { Position(epoch: epoch, revision: revision, change: change) }

    mutating func bump(_ change: String) {
        revision += 1
        self.change = change
        log[revision] = change
    }

    func answer(after: Position?) -> StreamAnswer {
        guard let after else { return everything(diverged: false) }
        let known = after.epoch == epoch && log[after.revision] == after.change
        guard known, after.revision >= pruned else {
            return everything(diverged: !known)
        }
        return .delta(
            StreamRows(
                position: position, targets: targets.filter { $0.revision > after.revision },
                entries: rows.values.map(\.entry).filter { $0.revision > after.revision }), after: after)
    }

    /// What the newest commit did, which wrote this row; nil where it did not.
    func step(_ id: EntryID) -> StreamStep? {
        guard let entry = rows[id]?.entry, entry.revision == revision, let before = log[revision - 1] else {
            return nil
        }
        return StreamStep(
            after: Position(epoch: epoch, revision: revision - 1, change: before),
            rows: StreamRows(position: position, entries: [entry]))
    }

    private func everything(diverged: Bool) -> StreamAnswer {
        .snapshot(
            StreamRows(
                position: position, targets: targets,
                entries: rows.values.map(\.entry).filter { $0.expiresAt != nil }), diverged: diverged)
    }

    mutating func attach(now: Int64) -> Int64 {
        linkEpoch = max(linkEpoch + 1, now)
        return linkEpoch
    }

    mutating func record(_ message: AgentMessage.Applied) {
        // A rewind may have lost the attachment itself; only a newer one voids this report.
        guard message.linkEpoch >= linkEpoch else { return }
        applied = message.revision
        failures = message.failures
    }

    /// Deletes absent rows that the agent has confirmed.
    mutating func prune() {
        for (id, row) in rows where row.entry.expiresAt == nil && row.entry.revision <= applied {
            guard !failures.contains(where: { $0.entry == id }) else { continue }
            rows[id] = nil
            pruned = max(pruned, row.entry.revision)
        }
    }
}
