import KnocknocModel

extension AgentMachine {
    mutating func hold(_ row: EntryRow, until deadline: BootTime, revision: Int64? = nil) {
        if let old = entries[row.id] {
            if deadline < old.deadline { shortened = true }
        } else {
            entriesByMember[MemberKey(target: row.target, address: row.address), default: []].append(row.id)
        }
        entries[row.id] = HeldEntry(
            target: row.target, address: row.address, revision: revision ?? row.revision, deadline: deadline)
        nextExpiry = nextExpiry.map { min($0, deadline) } ?? deadline
    }

    /// Moves an end ahead to what this host allows, and reports it. The server's own end is kept, so that hearing of it
    /// again is no news.
    mutating func limit(_ id: EntryID, now: BootTime) {
        guard let maxDuration, let held = entries[id] else { return }
        let latest = now.adding(milliseconds: maxDuration)
        guard held.deadline > latest else { return }
        entries[id]?.given = held.given ?? held.deadline
        entries[id]?.deadline = latest
        nextExpiry = nextExpiry.map { min($0, latest) } ?? latest
        shortened = true
        refusals[id] = Failure(
            target: held.target, entry: id,
            reason: "this host's MaxDuration is \(maxDuration / 1000) s: access here ends after that")
    }

    mutating func drop(_ id: EntryID) {
        guard let held = entries.removeValue(forKey: id) else { return }
        shortened = true
        entriesByMember[held.key]?.removeAll { $0 == id }
        if entriesByMember[held.key]?.isEmpty ?? false { entriesByMember[held.key] = nil }
    }

    mutating func remember(_ id: EntryID, _ held: HeldEntry, for memory: Int64, now: BootTime, epoch: String? = nil) {
        let removal = Removal(
            entry: id, target: held.target, address: held.address, revision: held.revision,
            epoch: epoch ?? position?.epoch ?? "")
        removals[id] = HeldRemoval(removal: removal, keptUntil: now.keeping(milliseconds: memory))
        guard removals.count > Self.maximumRemovals + 100 else { return }
        let oldest = removals.sorted { $0.value.keptUntil < $1.value.keptUntil }
        for (id, _) in oldest.prefix(removals.count - Self.maximumRemovals) { removals[id] = nil }
    }

    /// Until when an address is wanted: the latest of the entries on it; nil where the target lets nobody in.
    func wantedDeadline(_ key: MemberKey, now: BootTime) -> BootTime? {
        guard let row = targets[key.target], inForce(row.definition).purpose == .enforce,
            row.definition.purpose == .enforce, !lapsed.contains(key.target)
        else { return nil }
        let latest = entriesByMember[key]?.compactMap { entries[$0]?.deadline }.max()
        return latest.flatMap { $0 > now ? $0 : nil }
    }

    /// Compares what is wanted for these members with what the kernel was asked for.
    ///
    /// - Parameters:
    ///   - cuts: members whose flows are cut even where somebody else may have them.
    ///   - ended: members that are closed even if this run of the agent has never let them in.
    mutating func settle(
        _ keys: [MemberKey], cuts: Set<MemberKey> = [], ended: Set<MemberKey> = [], now: BootTime
    ) -> [MemberStep] {
        var steps: [MemberStep] = []
        var seen: Set<MemberKey> = []
        for key in keys where seen.insert(key).inserted {
            let wanted = wantedDeadline(key, now: now)
            let failedBefore = memberFailures[key] != nil
            guard let wanted else {
                // Of one call, whose removals come first all the same; of a target that is gone nothing is left to cut.
                if cuts.contains(key), targets[key.target]?.definition.purpose == .enforce { steps.append(.cut(key)) }
                // A failure stands until the kernel says otherwise.
                if members.removeValue(forKey: key) != nil || failedBefore || ended.contains(key) {
                    steps.append(.close(key))
                }
                continue
            }
            let asked = members[key]
            if asked != wanted || failedBefore {
                members[key] = wanted
                if let asked, wanted < asked { shortening.insert(key) }
                steps.append(.open(key, deadline: wanted))
            }
            if asked != nil, cuts.contains(key) { steps.append(.cut(key)) }
        }
        return steps
    }

    /// Time passed: entries whose deadline is reached end by themselves, trials that nobody confirmed are reverted.
    public mutating func tick(now: AgentStamp) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        if let next = nextExpiry, next <= now.time {
            var touched: [MemberKey] = []
            for (id, held) in entries where held.deadline <= now.time {
                drop(id)
                // Where the server still counts it as open, what it says of it meanwhile opens nothing.
                let left = held.given?.milliseconds(since: now.time) ?? 0
                remember(id, held, for: max(Self.expiryMemory, left), now: now.time)
                touched.append(held.key)
            }
            shortened = false
            nextExpiry = entries.values.map(\.deadline).min()
            effects += apply(settle(touched, now: now.time))
        }
        if removals.values.contains(where: { $0.keptUntil <= now.time }) {
            removals = removals.filter { $0.value.keptUntil > now.time }
        }
        return effects + revertTrials(now: now) + lapse(now: now.time) + dropLists(now: now.time)
    }
}
