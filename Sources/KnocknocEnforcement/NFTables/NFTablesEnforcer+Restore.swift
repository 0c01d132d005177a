import KnocknocModel
import Logging
import NIOConcurrencyHelpers

extension NFTablesEnforcer {
    /// Somebody else changed the packet filter.
    func disturbed() async {
        let events = pending.withLockedValue { value in
            defer { value = KernelEvents() }
            return value
        }
        if events.own || events.lost { restore() }
        let used = Set(
            membership.targets.values.flatMap(\.sets.values).filter { !$0.isOurs }
                .map { KernelEvents.Table(family: $0.family.number, name: $0.table) })
        // A set that was refused may be there by now.
        let hoped = !refusals.isEmpty && !events.tables.isEmpty
        if events.lost || hoped || !events.tables.isDisjoint(with: used) { broadcast.send(.changed) }
    }

    /// Puts our table back: first what closes ports with as many members as fit one transaction, then the rest.
    private func restore() {
        do throws(EnforcementError) {
            let kernel = try self.kernel()
            acceptUnguarding(try kernel.listing())
            let now = clock()
            // What the transaction may take under load: the kernel counts from its end.
            let margin: Int64 = 100
            let sets = guards.keys.sorted().flatMap { name in IPAddress.Family.allCases.map { name.set($0) } }
            var steps = sets.flatMap { set in
                membership.elements(of: set).compactMap { address, deadline -> CommandBatch.Step? in
                    let left = deadline.milliseconds(since: now) - margin
                    guard left >= CommandBatch.shortest else { return nil }
                    return .put(Element(set: set, address: address), milliseconds: left)
                }
            }
            steps += cutFlows.filter { $0.value > now }.keys.map { .drop($0) }
            let batches = CommandBatch.split(steps)
            try kernel.library.run(table.commands + (batches.first?.commands ?? ""))
            for batch in batches.dropFirst() { try kernel.library.run(batch.commands) }
            logger.warning("the table inet \(OwnTable.name) was changed by somebody else and has been restored")
            broadcast.send(.guardRestored)
        } catch {
            logger.critical("guards could not be restored", metadata: ["reason": "\(error.message)"])
            broadcast.send(.changed)
        }
    }

    /// A mark beside missing chains is the administrator's own `unguard`, not damage.
    private func acceptUnguarding(_ listing: TableListing?) {
        guard let listing else { return }
        for mark in listing.marks where !marks.contains(mark) && listing.chains[mark.ingressDrop] == nil {
            marks.insert(mark)
            guards[mark] = nil
            onTrial.remove(mark)
            for target in membership.targets.values where target.isGuard && GuardName(target.id) == mark {
                membership.remove(target.id)
                refusals[target.id] = EnforcementError(
                    .refused, "this guard was taken away on this host by knocknoc-agent unguard")
            }
        }
        let whole = guards.keys.allSatisfy { name in listing.chains[name.ingressDrop] != nil }
        if whole, !marks.isSubset(of: listing.marks) {
            // Undone by hand: whoever wants the guards defines them anew.
            marks.formIntersection(listing.marks)
            broadcast.send(.changed)
        }
        saveSkeleton()
    }
}
