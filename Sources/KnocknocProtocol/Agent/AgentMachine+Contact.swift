import KnocknocModel

// A Knoc may demand that its agents let nobody in once no server has spoken to them for a time. What is closed by that
// opens again only where a server has said how everything stands now.
extension AgentMachine {
    static let lapsedReason = "closed here because no server has spoken to this agent for too long"

    /// A server's database was known to be there after this moment; moments of this boot that are past.
    mutating func hear(_ moment: BootTime) {
        heard = heard.map { max($0, moment) } ?? moment
    }

    /// A heartbeat was answered: the database was there when it was sent, less the age that the node tells.
    mutating func take(_ reply: ServerMessage.HeartbeatReply, now: BootTime) -> [AgentEffect] {
        guard isFresh(reply.stamp) else { return [] }
        hear(reply.stamp.time.adding(milliseconds: -max(0, reply.databaseAge)))
        // The link may have missed what was decided while the database was away: a new one is told.
        guard link?.synced ?? false, lapsed.contains(where: { !isOverdue($0, now: now) }) else { return [] }
        return close(.resync("the server's database is back"))
    }

    /// Milliseconds without a server that the target's Knocs put up with; nil is for ever.
    private func limit(of target: TargetRow) -> Int64? {
        guard target.definition.purpose == .enforce else { return nil }
        return target.definition.closeAfterSeconds.map { $0.multipliedReportingOverflow(by: 1000) }
            .flatMap { $0.overflow ? nil : $0.partialValue }
    }

    /// Whether this target's Knocs want it closed by now.
    private func isOverdue(_ target: TargetID, now: BootTime) -> Bool {
        guard let row = targets[target], let limit = limit(of: row) else { return false }
        return heard.map { $0.adding(milliseconds: limit) <= now } ?? true
    }

    /// When the next target is to be closed where no server speaks.
    var nextLapse: BootTime? {
        let limits = targets.values.lazy.filter { !lapsed.contains($0.definition.id) }.compactMap { limit(of: $0) }
        return limits.min().map { (heard ?? BootTime(milliseconds: 0)).adding(milliseconds: $0) }
    }

    /// Closes what no server has spoken about for too long.
    mutating func lapse(now: BootTime) -> [AgentEffect] {
        guard let next = nextLapse, next <= now else { return [] }
        let due = targets.keys.filter { !lapsed.contains($0) && isOverdue($0, now: now) }
        lapsed.formUnion(due)
        let keys = entriesByMember.keys.filter { due.contains($0.target) }
        return apply(settle(keys, now: now)) + [.persist(ticket: nil)] + report()
    }

    /// What became due while the agent was not running; the kernel may still let its members in.
    mutating func lapseWhileAway(now: BootTime) {
        let due = Set(targets.keys.filter { !lapsed.contains($0) && isOverdue($0, now: now) })
        lapsed.formUnion(due)
        owed.formUnion(entriesByMember.keys.filter { due.contains($0.target) })
    }

    /// The copy is what the server wants now: whatever had lapsed is open again to whom it names.
    ///
    /// - Returns: the members that this is about.
    mutating func readmit(now: BootTime) -> [MemberKey] {
        guard !lapsed.isEmpty else { return [] }
        let back = lapsed.filter { !isOverdue($0, now: now) }
        lapsed.subtract(back)
        return entriesByMember.keys.filter { back.contains($0.target) }
    }
}
