import KnocknocModel

extension AgentMachine {
    mutating func received(rows message: ServerMessage, now: AgentStamp) -> [AgentEffect] {
        switch message {
        case .changes(let changes): return take(changes, now: now.time)
        case .snapshotBegin(let begin): return self.begin(begin)
        case .snapshotChunk(let rows): return take(chunk: rows, now: now.time)
        case .snapshotEnd(let end): return self.end(end, now: now.time)
        default: return []
        }
    }

    private mutating func take(_ changes: ServerMessage.Changes, now: BootTime) -> [AgentEffect] {
        if snapshot == nil, changes.position == position, changes.after != changes.position { return [] }
        guard snapshot == nil, changes.after == position else {
            return close(.resync("changes came that do not follow on this agent's position"))
        }
        guard isFresh(changes.rows.since) else {
            // What they shorten is true whenever it comes; the position stays, so they come again.
            let effects = take(changes.rows, fresh: false, before: position, epoch: changes.position.epoch, now: now)
            return effects + close(.resync("changes counted from a heartbeat that is too old"))
        }
        let before = position
        position = changes.position
        if skips(changes, from: before) { shortened = true }
        hear(changes.rows.since.time)
        let effects = take(
            changes.rows, fresh: true, before: before, epoch: changes.position.epoch, readmitted: readmit(now: now),
            now: now)
        return effects + arrived()
    }

    /// Whether some decision between these positions is in no row, because a later one has replaced it. An end that
    /// was moved ahead may be among them: confirmed, it must outlive a crash and a rewind to the decision not seen.
    private func skips(_ changes: ServerMessage.Changes, from before: Position?) -> Bool {
        let seen = Set(changes.rows.targets.map(\.revision)).union(changes.rows.entries.map(\.revision))
        let passed = changes.position.revision.subtractingReportingOverflow(before?.revision ?? 0)
        return passed.overflow || Int64(seen.count) < passed.partialValue
    }

    private mutating func begin(_ begin: ServerMessage.SnapshotBegin) -> [AgentEffect] {
        snapshot = Snapshot(begin: begin, before: position)
        // What was confirmed of another history says nothing about this one, whose numbers may be the same.
        confirmed = nil
        for index in works.indices { works[index].position = nil }
        let otherEpoch = position.map { $0.epoch != begin.position.epoch } ?? false
        if begin.diverged || otherEpoch {
            // Another history's revisions cannot be compared with ours: nothing that is held may become longer.
            for id in entries.keys { entries[id]?.revision = .max }
            for id in removals.keys { removals[id]?.removal.revision = .max }
        }
        return []
    }

    private mutating func take(chunk rows: ServerMessage.Rows, now: BootTime) -> [AgentEffect] {
        guard let current = snapshot else { return close(.resync("a chunk came outside a snapshot")) }
        snapshot?.targets.formUnion(rows.targets.map(\.definition.id))
        snapshot?.entries.formUnion(rows.entries.map(\.id))
        let fresh = isFresh(rows.since)
        if fresh { hear(rows.since.time) }
        let effects = take(
            rows, fresh: fresh, before: current.before, epoch: current.begin.position.epoch, now: now)
        return fresh ? effects : effects + close(.resync("a snapshot counted from a heartbeat that is too old"))
    }

    private mutating func end(_ end: ServerMessage.SnapshotEnd, now: BootTime) -> [AgentEffect] {
        guard let current = snapshot, current.begin.position == end.position else {
            return close(.resync("a snapshot ended that had not begun"))
        }
        snapshot = nil
        position = end.position
        var touched: [MemberKey] = []
        for (id, held) in entries where !current.entries.contains(id) {
            drop(id)
            var gone = held
            gone.revision = end.position.revision
            remember(id, gone, for: Self.removalMemory, now: now, epoch: end.position.epoch)
            touched.append(held.key)
        }
        refusals = refusals.filter { current.entries.contains($0.key) }
        var redefine = false
        for id in targets.keys where !current.targets.contains(id) {
            touched += entriesByMember.keys.filter { $0.target == id }
            redefine = true
            release(id, now: now)
        }
        // From here on only a decision newer than this snapshot brings an entry back.
        for id in removals.keys
        where removals[id]?.removal.epoch != end.position.epoch
            || removals[id]?.removal.revision == .max
        {
            removals[id]?.removal.revision = end.position.revision
            removals[id]?.removal.epoch = end.position.epoch
        }
        let steps = settle(touched + readmit(now: now), now: now)
        // What an earlier run left in the kernel is in no copy: only looking there makes the position true.
        return apply(steps) + (redefine ? define() : []) + reconciliation(now: now)
            + [.persist(ticket: ticket())] + arrived()
    }

    /// Takes rows into the copy and asks the kernel for the difference.
    private mutating func take(
        _ rows: ServerMessage.Rows, fresh: Bool, before: Position?, epoch: String, readmitted: [MemberKey] = [],
        now: BootTime
    ) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        var touched = readmitted
        let known = before.flatMap { $0.epoch == epoch ? $0.revision : nil } ?? .min
        let cuts = Set(
            rows.entries.filter { row in row.cut.map { $0 > known } ?? false }
                .map { MemberKey(target: $0.target, address: $0.address) })
        if fresh, !rows.targets.isEmpty {
            effects += take(targets: rows.targets, cuts: cuts, touched: &touched, now: now)
        }
        var ended: Set<MemberKey> = []
        for row in rows.entries {
            touched.append(MemberKey(target: row.target, address: row.address))
            // An end of what is not held: an earlier run may have let it in, and died before its file had it.
            if row.ttl ?? 0 == 0, entries[row.id] == nil {
                ended.insert(MemberKey(target: row.target, address: row.address))
            }
            if let old = entries[row.id], old.target != row.target || old.address != row.address {
                drop(row.id)
                touched.append(old.key)
            }
            guard let ttl = row.ttl else {
                take(absent: row, fresh: fresh, epoch: epoch, now: now)
                continue
            }
            guard rows.since.boot == boot else { continue }
            let deadline = rows.since.time.adding(milliseconds: min(ttl, Self.longest))
            take(row, deadline: deadline, fresh: fresh, epoch: epoch, now: now)
        }
        let steps = settle(touched, cuts: cuts, ended: ended, now: now)
        let shortens = steps.contains { if case .open = $0 { false } else { true } } || !rows.targets.isEmpty
        effects += apply(steps)
        if shortens || shortened || !steps.isEmpty || position != before {
            effects.append(.persist(ticket: shortens || shortened ? ticket() : nil))
        }
        shortened = false
        return effects
    }

    private mutating func take(absent row: EntryRow, fresh: Bool, epoch: String, now: BootTime) {
        refusals[row.id] = nil
        // Done ahead of the position: where the server comes back without this row, both ends must not differ in silence.
        if !fresh, entries[row.id] != nil { refuse(row, Self.takenAway) }
        drop(row.id)
        // Also where it is not held: a rewound server may think of it as present.
        let gone = HeldEntry(target: row.target, address: row.address, revision: row.revision, deadline: now)
        remember(row.id, gone, for: Self.removalMemory, now: now, epoch: epoch)
        // The memory itself must be durable before this is confirmed: a crash and a rewind after it would open the row.
        shortened = true
    }

    private mutating func take(_ row: EntryRow, deadline: BootTime, fresh: Bool, epoch: String, now: BootTime) {
        if let held = entries[row.id] {
            if fresh, row.revision > held.revision {
                refusals[row.id] = nil
                hold(row, until: deadline)
                limit(row.id, now: now)
                return
            }
            // Once shortened by this host it stays so; only an end before that is news.
            if let given = held.given, row.revision == held.revision, deadline >= held.deadline,
                deadline.milliseconds(since: given) <= 10 * Self.tolerance
            {
                return
            }
            // One revision, another estimate: only earlier. A stale stamp is true as far as it shortens.
            let difference = deadline.milliseconds(since: held.deadline)
            let isSameEnd = row.revision == held.revision && difference > -Self.tolerance
            if fresh { entries[row.id]?.revision = row.revision }
            if difference < 0, !isSameEnd {
                if fresh {
                    hold(row, until: deadline)
                } else {
                    // The revision stays as it is, so that the same row, fresh, is news.
                    hold(row, until: deadline, revision: held.revision)
                    refuse(row, Self.earlierEnd)
                }
            } else if fresh, difference > 10 * Self.tolerance {
                refuse(row, Self.earlierEnd)
            }
            return
        }
        guard fresh else { return }
        if let gone = removals[row.id]?.removal, row.revision <= gone.revision {
            removals[row.id]?.removal.revision = row.revision
            if deadline.milliseconds(since: now) > 10 * Self.tolerance, refusals[row.id] == nil {
                refuse(row, Self.takenAway)
            }
            return
        }
        removals[row.id] = nil
        refusals[row.id] = nil
        guard deadline <= now else {
            hold(row, until: deadline)
            limit(row.id, now: now)
            return
        }
        let gone = HeldEntry(target: row.target, address: row.address, revision: row.revision, deadline: deadline)
        remember(row.id, gone, for: Self.expiryMemory, now: now, epoch: epoch)
    }

    private static let takenAway = "it was taken away here before the server's records were rewound; grant again"
    private static let earlierEnd = "an earlier end is known here, and the server's records were rewound; grant again"

    private mutating func refuse(_ row: EntryRow, _ reason: String) {
        refusals[row.id] = Failure(target: row.target, entry: row.id, reason: reason)
    }
}
