import KnocknocModel

extension NFTablesEnforcer {
    /// Makes elements what membership says: there until their deadline, or not there.
    ///
    /// - Parameters:
    ///   - also: steps of the same transaction.
    ///   - absent: none of the elements was in its set a moment ago.
    /// - Returns: what could not be made true.
    func make(
        _ elements: [Element], also: [CommandBatch.Step] = [], shortened: Set<Element> = [], absent: Bool = false,
        _ kernel: Kernel
    ) -> [Element: EnforcementError] {
        var failures: [Element: EnforcementError] = [:]
        let (ours, unread) = mine(elements, kernel)
        for (element, error) in unread { failures[element] = error }
        for start in stride(from: 0, to: max(ours.count, 1), by: CommandBatch.limit) {
            let part = Array(ours[start..<min(start + CommandBatch.limit, ours.count)])
            let failed = run(part, also: start == 0 ? also : [], absent: absent, kernel)
            failures.merge(failed) { first, _ in first }
        }
        for element in shortened where failures[element] == nil {
            failures[element] = confirmShortened(element, kernel)
        }
        return failures
    }

    /// One transaction. The kernel counts from when it is done, so what it takes is left out of every timeout.
    private func run(
        _ elements: [Element], also: [CommandBatch.Step], absent: Bool, _ kernel: Kernel
    ) -> [Element: EnforcementError] {
        var failures: [Element: EnforcementError] = [:]
        var margin = 20 + Int64(elements.count) / 50
        var late = false
        for attempt in 0..<3 {
            failures = [:]
            let start = clock()
            let steps = elements.map { step($0, at: start, margin, absent: absent && attempt == 0) } + also
            guard !steps.isEmpty else { break }
            for (index, error) in kernel.run(steps) where index < elements.count {
                // Nothing is open through a set that is not there.
                if case .remove = steps[index], error.code == .missing { continue }
                // Nor does anybody look into a set of blocked addresses that is not there.
                if elements[index].set.blocks, error.code == .missing { continue }
                failures[elements[index]] = error
            }
            let took = clock().milliseconds(since: start)
            late = took > margin
            guard late else { break }
            margin = took * 2
        }
        if late { failures.merge(withdraw(elements, kernel)) { _, late in late } }
        return failures
    }

    /// Takes out what may stay too long, because the kernel was slower than expected time after time.
    private func withdraw(_ elements: [Element], _ kernel: Kernel) -> [Element: EnforcementError] {
        let wanted = elements.filter { membership.deadline(of: $0) != nil }
        let failures = kernel.run(wanted.map { .remove($0) })
        var result: [Element: EnforcementError] = [:]
        for (index, element) in wanted.enumerated() {
            result[element] =
                failures[index]
                ?? EnforcementError(.kernel, "set \(element.set): this machine is too slow for its time")
        }
        return result
    }

    func step(_ element: Element, at now: BootTime, _ margin: Int64, absent: Bool = false) -> CommandBatch.Step {
        guard let deadline = membership.deadline(of: element) else { return .remove(element) }
        let left = deadline.milliseconds(since: now) - margin
        guard left >= CommandBatch.shortest else { return .remove(element) }
        return absent ? .create(element, milliseconds: left) : .put(element, milliseconds: left)
    }

    /// Leaves out elements of foreign sets that somebody else has put there: they are not ours to change.
    private func mine(_ elements: [Element], _ kernel: Kernel) -> ([Element], [Element: EnforcementError]) {
        guard elements.contains(where: { $0.set.table.map { !$0.isOurs } ?? false }) else { return (elements, [:]) }
        var foreign: Set<Element> = []
        var failures: [Element: EnforcementError] = [:]
        for (set, group) in Dictionary(grouping: elements, by: { $0.set.table }) {
            // ipset's own writer knows whose they are.
            guard let set, !set.isOurs else { continue }
            do throws(EnforcementError) {
                if group.count <= 64 {
                    for element in group {
                        if let found = try kernel.find(element), !found.isOurs { foreign.insert(element) }
                    }
                } else {
                    try kernel.reader.read(set) { found in
                        guard !found.isOurs, let address = IPAddress(bytes: found.key) else { return }
                        foreign.insert(Element(set: .table(set), address: address))
                    }
                }
            } catch {
                guard error.code != .missing else { continue }
                for element in group { failures[element] = error }
            }
        }
        return (elements.filter { !foreign.contains($0) && failures[$0] == nil }, failures)
    }

    /// Reads back that the kernel holds an element no longer than it should, and else takes it out and puts it in anew.
    private func confirmShortened(_ element: Element, _ kernel: Kernel) -> EnforcementError? {
        do throws(EnforcementError) {
            guard try isTooLong(element, kernel) else { return nil }
            let put = step(element, at: clock(), 20)
            for steps in [[CommandBatch.Step.remove(element)], [put]] {
                if let error = kernel.run(steps)[0] { return error }
            }
            guard try isTooLong(element, kernel) else { return nil }
        } catch {
            return error
        }
        return EnforcementError(.kernel, "set \(element.set): the kernel did not take the shorter time")
    }

    private func isTooLong(_ element: Element, _ kernel: Kernel) throws(EnforcementError) -> Bool {
        guard let found = try kernel.find(element), found.isOurs else { return false }
        guard let deadline = membership.deadline(of: element), let expiration = found.expiration else { return true }
        return clock().adding(milliseconds: expiration) > deadline
    }

    /// Ends established flows. Other work goes on meanwhile, and may let an address in again, whose flows then live.
    func cut(_ cuts: [Cut], _ kernel: Kernel) async -> EnforcementError? {
        guard !cuts.isEmpty else { return nil }
        var failure = await cut(cuts, .sockets, kernel)
        if cuts.contains(where: { !$0.socketsOnly }) {
            let rest = await cut(cuts, .everywhere, kernel)
            failure = failure ?? rest
        }
        return failure.map {
            EnforcementError($0.code, "closed to new flows, but established ones could not be cut: \($0.message)")
        }
    }

    private func cut(_ cuts: [Cut], _ place: FlowSearch, _ kernel: Kernel) async -> EnforcementError? {
        let cutter = kernel.cutter
        var found = await cutter.find(cuts, in: place)
        var failure = found.failure
        let endsSockets = await cutter.limitation() == nil
        let standing = cuts.compactMap { membership.standing($0, at: clock()) }
        found.keep(standing)
        var dropped = found
        // A connection to this host ends with its socket. Its client is to hear of that, and connects anew at once;
        // whatever does not end so is found again.
        if place == .sockets, endsSockets { dropped.sockets.removeAll { $0.flow.protocol == .tcp } }
        do throws(EnforcementError) {
            try drop(dropped, standing.filter { !$0.socketsOnly }, kernel)
        } catch {
            failure = failure ?? error
        }
        do throws(EnforcementError) { try await cutter.end(found) } catch { failure = failure ?? error }
        return failure
    }

    /// Puts flows into the sets whose packets are dropped.
    private func drop(_ found: FoundFlows, _ cuts: [Cut], _ kernel: Kernel) throws(EnforcementError) {
        var keys: Set<FlowKey> = []
        let now = clock()
        let until = now.adding(milliseconds: Int64(FlowSet.seconds) * 1000)
        cutFlows = cutFlows.filter { $0.value.until > now }
        for (gate, cuts) in Dictionary(grouping: cuts, by: \.gate) {
            var part = found
            part.keep(cuts)
            for key in part.keys {
                let gates: Set<Gate>? = cutFlows[key].map { $0.gates } ?? []
                cutFlows[key] = CutFlow(until: until, gates: gates?.union([gate]))
                keys.insert(key)
            }
        }
        guard !keys.isEmpty else { return }
        if let error = kernel.run(keys.map { .drop($0) }).values.first { throw error }
    }
}
