public import KnocknocModel
import Logging

extension NFTablesEnforcer {
    public func apply(_ changes: [MemberChange]) async -> [Outcome] {
        let kernel: Kernel
        do throws(EnforcementError) { kernel = try self.kernel() } catch {
            noteClosings(changes, changes.map { _ in .failed(error.message) })
            return changes.map { _ in .failed(error.message) }
        }
        var work = Work(outcomes: changes.map { _ in .applied })
        for (index, change) in changes.enumerated() where !change.isCut { plan(change, index, &work) }
        // What is cut depends on who is still let in.
        for (index, change) in changes.enumerated() where change.isCut { plan(change, index, &work) }
        let failures = make(work.order, also: work.allowed.map { .allow($0) }, shortened: work.shortened, kernel)
        for flow in work.allowed { cutFlows[flow] = nil }
        for (element, error) in failures {
            for index in work.touched[element] ?? [] {
                work.outcomes[index] = .failed(error.message)
                // What was not done must not be taken for done when the table is restored.
                if case .open(let member) = changes[index] {
                    membership.set(member.target, member.address, work.before[index])
                }
            }
        }
        if let error = await cut(work.cuts.map(\.cut), kernel) {
            for (index, _) in work.cuts where work.outcomes[index] == .applied {
                work.outcomes[index] = .failed(error.message)
            }
        }
        noteClosings(changes, work.outcomes)
        scheduleExpiry(work.earliest)
        return work.outcomes
    }

    /// What was to be closed and is not stays owed, until it is done or the address is let in again.
    private func noteClosings(_ changes: [MemberChange], _ outcomes: [Outcome]) {
        for (change, outcome) in zip(changes, outcomes) {
            guard let target = membership.targets[change.target] else { continue }
            let error: EnforcementError? = if case .failed(let reason) = outcome { .init(.kernel, reason) } else { nil }
            var key = ClosingKey(target: change.target, address: change.address, kind: .leave)
            if case .cut = change { key.kind = .cut }
            if case .open = change, membership.members[key.target]?[key.address] != nil {
                if error == nil { unfinished[key] = nil }
            } else {
                note(key, target, error)
            }
        }
    }

    private struct Work {
        var outcomes: [Outcome]
        var order: [Element] = []
        var touched: [Element: [Int]] = [:]
        var before: [Int: BootTime] = [:]
        var shortened: Set<Element> = []
        var cuts: [(index: Int, cut: Cut)] = []
        var allowed: [FlowKey] = []
        var earliest: BootTime?

        mutating func touch(_ element: Element, _ index: Int) {
            if touched[element] == nil { order.append(element) }
            touched[element, default: []].append(index)
        }
    }

    private func plan(_ change: MemberChange, _ index: Int, _ work: inout Work) {
        let (id, address) = (change.target, change.address)
        guard let target = membership.targets[id] else {
            let reason = refusals[id]?.message ?? "target \(id) is not defined on this agent"
            // Behind a refused guard or a set that is not there, nothing is open.
            let closed = refusals[id].map { $0.code == .refused || $0.code == .missing } ?? false
            if case .open = change {
                work.outcomes[index] = .failed(reason)
            } else if !closed {
                work.outcomes[index] = .failed(reason)
            }
            return
        }
        let element = target.element(address)
        guard target.takes(address) else {
            if case .open = change {
                work.outcomes[index] = .failed("the target names no set for \(address.family.rawValue) addresses")
            }
            return
        }
        let now = clock()
        let before = membership.members[id]?[address]
        let earlier = element.flatMap { membership.deadline(of: $0) }
        switch change {
        case .open(let member) where member.deadline.milliseconds(since: now) >= CommandBatch.shortest:
            membership.set(id, address, member.deadline)
            work.before[index] = before
            work.earliest = min(work.earliest ?? member.deadline, member.deadline)
            if let element { work.touch(element, index) }
            if let block = target.block(address), membership.blocked[block] != nil { work.touch(block, index) }
            if before == nil { work.allowed += flows(to: target, from: address, at: now) }
        case .open, .close:
            membership.set(id, address, nil)
            if let element { work.touch(element, index) }
            if let block = block(target, address, at: now) { work.touch(block, index) }
            if let cut = membership.cut(target, address, at: now) { work.cuts.append((index, cut)) }
        case .cut:
            guard let cut = membership.wholeCut(target, address, at: now) else { return }
            work.cuts.append((index, cut))
        }
        if let element, let earlier, let deadline = membership.deadline(of: element), deadline < earlier {
            work.shortened.insert(element)
        }
    }

    /// Cut flows that a new grant lets through again.
    func flows(to target: Membership.Target, from address: IPAddress, at now: BootTime) -> [FlowKey] {
        let network = target.network(address)
        return cutFlows.filter { key, flow in
            network.contains(key.source) && membership.allows(key, cutAs: flow, for: target, at: now)
        }.map(\.key)
    }

    /// Ends what has run out: the kernel has refused new flows since, established ones are cut now.
    public func expire() async {
        expiry = nil
        let now = clock()
        let gone = membership.expire(at: now)
        var closings: [ClosingKey: Membership.Target] = [:]
        for (id, address) in gone {
            closings[ClosingKey(target: id, address: address, kind: .leave)] = membership.targets[id]
        }
        await end(closings)
        scheduleExpiry(membership.nextDeadline)
    }

    public func cutFlows(of gone: [Place], on targets: [TargetID: TargetDefinition]) async {
        var closings: [ClosingKey: Membership.Target] = [:]
        for place in gone {
            let target = membership.targets[place.target] ?? targets[place.target].flatMap { Membership.Target($0) }
            closings[ClosingKey(target: place.target, address: place.address, kind: .leave)] = target
        }
        await end(closings)
    }

    private func end(_ closings: [ClosingKey: Membership.Target]) async {
        do throws(EnforcementError) {
            let kernel = try kernel()
            let failed = closings.isEmpty ? [:] : await close(closings, kernel)
            if let error = failed.values.first {
                logger.error("ending access", metadata: ["reason": "\(error.message)"])
            }
        } catch {
            for (key, target) in closings { note(key, target, error) }
            logger.error("ending access", metadata: ["reason": "\(error.message)"])
        }
    }

    /// Sleeps, by a clock that counts through suspend, until the first member's time is up.
    ///
    /// - Parameter next: the earliest deadline that is new.
    func scheduleExpiry(_ next: BootTime?) {
        guard let next else { return }
        if let expiry, expiry.at <= next { return }
        expiry?.task.cancel()
        let left = max(0, next.milliseconds(since: clock()))
        let task = Task { [weak self] in
            guard (try? await Task.sleep(for: .milliseconds(left), clock: .continuous)) != nil else { return }
            await self?.expire()
        }
        expiry = (next, task)
    }
}

extension MemberChange {
    fileprivate var isCut: Bool { if case .cut = self { true } else { false } }
}
