import KnocknocModel

// A device that cannot fetch its list keeps what it had. A list that has ended is therefore served on, empty, for weeks:
// its target stays, released, though no server names it any more.
extension AgentMachine {
    /// Keeps the target of a list that has ended; the oldest give way.
    mutating func keepList(_ id: TargetID, now: BootTime) {
        guard lists[id] == nil else { return }
        lists[id] = now.keeping(milliseconds: Self.listMemory)
        guard lists.count > Self.maximumLists else { return }
        let oldest = lists.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        for (id, _) in oldest.prefix(lists.count - Self.maximumLists) { forget(id) }
    }

    /// Lets go of lists that no device is waited for any more.
    mutating func dropLists(now: BootTime) -> [AgentEffect] {
        let due = lists.filter { $0.value <= now }.keys.sorted()
        guard !due.isEmpty else { return [] }
        for id in due { forget(id) }
        return define() + [.persist(ticket: nil)]
    }
}

extension TargetDefinition {
    /// Whether it is a list that nobody is on any more.
    var isEndedList: Bool {
        guard purpose == .released, case .allowList(let list) = backend else { return false }
        return list.service != nil
    }
}
