public import KnocknocModel
import Logging

extension NFTablesEnforcer {
    public func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async -> Reconciliation {
        var result = Reconciliation(targets: await defineNow(targets))
        let kernel: Kernel
        do throws(EnforcementError) { kernel = try self.kernel() } catch {
            result.failures = members.map { .init(member: $0, reason: error.message) }
            result.stuck = stuck
            return result
        }
        let now = clock()
        var wanted: [TargetID: [IPAddress: BootTime]] = [:]
        for member in members {
            guard membership.targets[member.target]?.takes(member.address) ?? false else {
                result.failures.append(.init(member: member, reason: reason(member, result)))
                continue
            }
            guard member.deadline.milliseconds(since: now) >= CommandBatch.shortest else { continue }
            let earlier = wanted[member.target]?[member.address] ?? member.deadline
            wanted[member.target, default: [:]][member.address] = max(earlier, member.deadline)
        }
        var closings = unfinished.mapValues(\.target)
        for (id, target) in membership.targets {
            for address in (membership.members[id] ?? [:]).keys where wanted[id]?[address] == nil {
                closings[ClosingKey(target: id, address: address, kind: .leave)] = target
            }
        }
        let before = membership.members
        for id in membership.targets.keys { membership.replace(id, with: wanted[id] ?? [:]) }
        let error = allow(wanted, before, at: now, kernel)
        if let error { logger.warning("flows of who is let in", metadata: ["reason": "\(error.message)"]) }
        var failures: [Element: EnforcementError] = [:]
        let sets = Set(membership.targets.values.flatMap(\.sets.values))
        for set in sets { repair(set, now, kernel, &result, &closings, &failures) }
        let blocks = Set(membership.targets.values.flatMap(\.blocks.values))
        for set in blocks { repair(set, now, kernel, &result, &closings, &failures) }
        result.failures += members.compactMap { member in
            membership.element(member.target, member.address).flatMap { failures[$0] }
                .map { .init(member: member, reason: $0.message) }
        }
        let left = await close(closings, handled: sets, failures: failures, kernel)
        if let error = left.values.first {
            logger.error("closing", metadata: ["reason": "\(error.message)"])
        }
        result.stuck = stuck
        scheduleExpiry(membership.nextDeadline)
        return result
    }

    /// Lets flows go on whose sources are let in only now, where this run of the agent cut them: what it could not
    /// do when it was asked is done here.
    private func allow(
        _ wanted: [TargetID: [IPAddress: BootTime]], _ before: [TargetID: [IPAddress: BootTime]], at now: BootTime,
        _ kernel: Kernel
    ) -> EnforcementError? {
        guard cutFlows.contains(where: { $0.value.gates != nil }) else { return nil }
        let keys = Set(
            wanted.flatMap { id, addresses -> [FlowKey] in
                guard let target = membership.targets[id] else { return [] }
                return addresses.keys.filter { before[id]?[$0] == nil }
                    .flatMap { flows(to: target, from: $0, at: now) }
            }.filter { cutFlows[$0]?.gates != nil })
        guard !keys.isEmpty else { return nil }
        for key in keys { cutFlows[key] = nil }
        return kernel.run(keys.map { .allow($0) }).values.first
    }

    private func reason(_ member: Member, _ result: Reconciliation) -> String {
        if case .failed(let reason) = result.targets[member.target] { return reason }
        return membership.targets[member.target] == nil
            ? "target \(member.target) is not defined on this agent"
            : "the target names no set for \(member.address.family.rawValue) addresses"
    }

    /// Compares one set with what is wanted: right elements are adopted as they are.
    private func repair(
        _ set: ElementSet, _ now: BootTime, _ kernel: Kernel, _ result: inout Reconciliation,
        _ closings: inout [ClosingKey: Membership.Target], _ failures: inout [Element: EnforcementError]
    ) {
        let wanted = membership.elements(of: set)
        var missing = Set(wanted.keys)
        var changed: [Element] = []
        var shortened: Set<Element> = []
        var gone: [IPAddress] = []
        do throws(EnforcementError) {
            try kernel.read(set) { found in
                guard let address = IPAddress(bytes: found.key) else { return }
                guard found.isOurs else {
                    if !found.excludes { missing.remove(address) }
                    return
                }
                let element = Element(set: set, address: address)
                guard let deadline = wanted[address] else {
                    gone.append(address)
                    return
                }
                missing.remove(address)
                let kernelDeadline = found.expiration.map { now.adding(milliseconds: $0) }
                if kernelDeadline.map({ $0 > deadline }) ?? true {
                    shortened.insert(element)
                    changed.append(element)
                } else if let kernelDeadline, deadline.milliseconds(since: kernelDeadline) > 2000 {
                    changed.append(element)
                }
            }
        } catch {
            let leaving = closings.compactMap { $1.element($0.address) }.filter { $0.set == set }
            for element in leaving where error.code != .missing { failures[element] = error }
            for address in wanted.keys { failures[Element(set: set, address: address)] = error }
            return
        }
        let added = missing.map { Element(set: set, address: $0) }
        let removed = gone.map { Element(set: set, address: $0) }
        let errors = make(removed + changed, shortened: shortened, kernel)
            .merging(make(added, absent: true, kernel)) { first, _ in first }
        failures.merge(errors) { first, _ in first }
        result.added += added.count { errors[$0] == nil }
        result.removed += removed.count { errors[$0] == nil }
        let users = membership.targets.values.filter { $0.sets[set.addresses] == set }
        for address in gone {
            for user in users { closings[ClosingKey(target: user.id, address: address, kind: .leave)] = user }
        }
    }
}
