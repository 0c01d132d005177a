import KnocknocModel
import Logging

extension NFTablesEnforcer {
    /// Takes elements out and cuts flows; what could not be done is tried again until it is.
    ///
    /// - Parameters:
    ///   - handled: sets whose elements have been seen to already.
    ///   - failures: what went wrong there.
    /// - Returns: the closings that failed.
    @discardableResult
    func close(
        _ closings: [ClosingKey: Membership.Target], handled: Set<ElementSet> = [],
        failures: [Element: EnforcementError] = [:], _ kernel: Kernel
    ) async -> [ClosingKey: EnforcementError] {
        let now = clock()
        let known = unfinished
        var elements: Set<Element> = []
        var cuts: Set<Cut> = []
        var owing: Set<ClosingKey> = []
        for (key, target) in closings {
            let cut: Cut?
            switch key.kind {
            case .leave:
                if isMember(key, at: now) { continue }
                if let element = target.element(key.address), !handled.contains(element.set) {
                    elements.insert(element)
                }
                if let block = block(target, key.address, at: now) { elements.insert(block) }
                cut = membership.cut(target, key.address, at: now)
            case .cut:
                cut = membership.wholeCut(target, key.address, at: now)
            }
            guard let cut else { continue }
            cuts.insert(cut)
            owing.insert(key)
        }
        let failures = make(Array(elements), kernel).merging(failures) { first, _ in first }
        let cutError = await self.cut(Array(cuts), kernel)
        var errors: [ClosingKey: EnforcementError] = [:]
        for (key, target) in closings {
            let open = key.kind == .leave && !isMember(key, at: now)
            let places = open ? [target.element(key.address), target.block(key.address)] : []
            let removal = places.lazy.compactMap { $0.flatMap { failures[$0] } }.first
            errors[key] = removal ?? (owing.contains(key) ? cutError : nil)
            // One that has failed while this one was under way is not done with this one.
            if errors[key] == nil, unfinished[key] != known[key] { continue }
            note(key, target, errors[key])
        }
        return errors
    }

    /// Notes that an address whose access has ended is to be in the target's set of blocked ones, if it has one.
    func block(_ target: Membership.Target, _ address: IPAddress, at now: BootTime) -> Element? {
        guard let element = target.block(address) else { return nil }
        let deadline = now.adding(milliseconds: Int64(IPSet.blockSeconds) * 1000)
        membership.block(element, until: deadline, now: now)
        return element
    }

    private func isMember(_ key: ClosingKey, at now: BootTime) -> Bool {
        (membership.members[key.target]?[key.address]).map { $0 > now } ?? false
    }

    /// Remembers a closing that failed, forgets one that was done.
    func note(_ key: ClosingKey, _ target: Membership.Target, _ error: EnforcementError?) {
        attempts += 1
        unfinished[key] = error.map { Closing(target: target, reason: $0.message, attempt: attempts) }
        if error != nil { scheduleRetry() }
    }

    /// The closings that are still owed, as callers know them.
    var stuck: [Reconciliation.Stuck] {
        unfinished.map { .init(target: $0.key.target, address: $0.key.address, reason: $0.value.reason) }
    }

    /// Tries again after a second, then after ever longer pauses of up to a minute.
    func scheduleRetry() {
        guard retry == nil else { return }
        let pause = retryPause
        retryPause = min(retryPause * 2, 60)
        retry = Task { [weak self] in
            guard (try? await Task.sleep(for: .seconds(pause), clock: .continuous)) != nil else { return }
            await self?.retryUnfinished()
        }
    }

    /// Does what was left undone; whoever listens is told when something of it is done, so that it can be reported.
    func retryUnfinished() async {
        retry = nil
        var done = false
        if !unfinished.isEmpty, let kernel = try? kernel() {
            let before = unfinished.count
            await close(unfinished.mapValues(\.target), kernel)
            done = unfinished.count < before
        }
        if skeletonFailure != nil {
            saveSkeleton()
            done = done || skeletonFailure == nil
        }
        if unfinished.isEmpty, skeletonFailure == nil { retryPause = 1 } else { scheduleRetry() }
        if done { broadcast.send(.changed) }
    }
}
