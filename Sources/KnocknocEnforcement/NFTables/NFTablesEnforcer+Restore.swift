import KnocknocModel
import Logging
import NIOConcurrencyHelpers

extension NFTablesEnforcer {
    /// Somebody else changed the packet filter.
    func disturbed() async {
        var events = pending.withLockedValue { value in
            defer { value = KernelEvents() }
            return value
        }
        if events.own { restore() }
        // Our own answer to a loss may cause the next one: once a second is enough.
        if events.lost, let last = lastLoss, clock().milliseconds(since: last) < 1000 {
            events.lost = false
            lookAgain()
        }
        if events.lost {
            lastLoss = clock()
            if !events.own, !isIntact() { restore() }
        }
        let used = Set(
            membership.targets.values.flatMap(\.sets.values).compactMap(\.table).filter { !$0.isOurs }
                .map { KernelEvents.Table(family: $0.family.number, name: $0.table) })
        // A set that was refused may be there by now.
        let hoped = !refusals.isEmpty && !events.tables.isEmpty
        if events.lost || hoped || !events.tables.isDisjoint(with: used) { broadcast.send(.changed) }
    }

    private func lookAgain() {
        guard lossCheck == nil else { return }
        lossCheck = Task { [weak self] in
            guard (try? await Task.sleep(for: .seconds(1), clock: .continuous)) != nil else { return }
            await self?.lookAfterLoss()
        }
    }

    func lookAfterLoss() async {
        lossCheck = nil
        pending.withLockedValue { $0.lost = true }
        await disturbed()
    }

    /// Nobody listens to the kernel any more: another watcher is started, and what was missed looked for.
    func watcherEnded() async {
        logger.error("the packet filter's events are not heard any more; listening again")
        watcher = nil
        do throws(EnforcementError) { _ = try kernel() } catch {
            logger.error("the packet filter's events", metadata: ["reason": "\(error.message)"])
            watcherRetry()
            return
        }
        pending.withLockedValue { $0.lost = true }
        await disturbed()
    }

    private func watcherRetry() {
        Task { [weak self] in
            guard (try? await Task.sleep(for: .seconds(1), clock: .continuous)) != nil else { return }
            await self?.watcherEnded()
        }
    }

    /// Whether our table's chains are as we left them; false where that is not known.
    private func isIntact() -> Bool {
        guard let intact, let kernel = try? kernel(), let listing = try? kernel.listing() else { return false }
        return listing == intact
    }

    /// Puts our table back: first what closes ports with as many members as fit one transaction, then the rest.
    func restore() {
        do throws(EnforcementError) {
            let kernel = try self.kernel()
            let found = try kernel.listing()
            let gone = acceptUnguarding(found)
            let sets = guards.keys.sorted().flatMap { name in
                IPAddress.Family.allCases.map { ElementSet.table(name.set($0)) }
            }
            let elements = sets.flatMap { set in
                membership.elements(of: set).keys.map { Element(set: set, address: $0) }
            }
            let start = clock()
            // What the transaction may take under load: the kernel counts from its end.
            let margin: Int64 = 100
            let first = Array(elements.prefix(CommandBatch.limit))
            var steps = first.map { step($0, at: start, margin) }
            steps += cutFlows.filter { $0.value.until > start }.keys.prefix(CommandBatch.limit).map { .drop($0) }
            try kernel.library.run(
                table.commands + CommandBatch(steps: steps).commands + OwnTable.removing(gone))
            let late = clock().milliseconds(since: start) > margin
            let rest = late ? elements : Array(elements.dropFirst(first.count))
            let flows = cutFlows.filter { $0.value.until > start }.keys.dropFirst(CommandBatch.limit)
            let failures = make(rest, also: flows.map { .drop($0) }, absent: found == nil && !late, kernel)
            if let error = failures.values.first { throw error }
            intact = try kernel.listing()
            // What `unguard` did comes in many datagrams.
            if found == intact, let unguarded, clock().milliseconds(since: unguarded) < 1000 {
                return broadcast.send(.changed)
            }
            logger.warning("the table inet \(OwnTable.name) was changed by somebody else and has been restored")
            broadcast.send(.guardRestored)
        } catch {
            intact = nil
            logger.critical("guards could not be restored", metadata: ["reason": "\(error.message)"])
            broadcast.send(.changed)
        }
    }

    /// A mark is the administrator's own `unguard`, whatever else is there: a running agent may have written its rules
    /// again before it heard of it.
    ///
    /// - Returns: the guards that are to be taken away now.
    func acceptUnguarding(_ listing: TableListing?) -> [GuardName] {
        guard let listing else { return [] }
        let new = listing.marks.filter { !marks.contains($0) }
        for mark in new {
            let ports = guards[mark]?.closes.map { closed in
                " \(closed.protocol.rawValue) \(closed.ports.map(String.init).joined(separator: ", "))"
            }
            logger.notice(
                "guard\(ports ?? "") was taken away here by hand; knocknoc-agent unguard --undo gives it back")
            marks.insert(mark)
            guards[mark] = nil
            onTrial.remove(mark)
            for target in membership.targets.values where target.isGuard && GuardName(target.id) == mark {
                membership.remove(target.id)
                refusals[target.id] = EnforcementError(
                    .refused, Self.takenAway)
            }
        }
        var undone = false
        let whole = guards.keys.allSatisfy { name in listing.chains[name.ingressDrop] != nil }
        if whole, !marks.isSubset(of: listing.marks) {
            // Undone by hand: whoever wants the guards defines them anew.
            marks.formIntersection(listing.marks)
            undone = true
            logger.notice("guards that were taken away here by hand may apply again (unguard --undo)")
            broadcast.send(.changed)
        }
        if !new.isEmpty || undone {
            intact = nil
            unguarded = clock()
            saveSkeleton()
        }
        return new
    }
}
