import KnocknocModel
import Logging

extension ScriptEnforcer {
    /// The longest pause before what has failed is tried again, in milliseconds.
    private static let longestPause: Int64 = 60_000

    /// Sets every list to work that has something to do; each goes on by itself.
    func work() {
        for key in lanes.keys where lanes[key]?.isWorking == false {
            guard let call = next(key) else { continue }
            lanes[key]?.isWorking = true
            lanes[key]?.running = call
            Task { await work(key, call) }
        }
        wake()
    }

    private func work(_ key: ScriptLane.Key, _ first: ScriptCall) async {
        var call: ScriptCall? = first
        while let current = call {
            let reason = await ScriptProcess.run(current, options)
            if let reason { logger.error("\(reason)") }
            let wanted = wanted(on: key)
            let owners = lanes[key]?.owners ?? [:]
            let isToBeTriedAgain = lanes[key]?.finish(current, reason, wanted) ?? false
            if reason == nil { tellDeparted(key, current, owners, wanted) }
            if isToBeTriedAgain { scheduleRetry(key) } else if reason == nil { lanes[key]?.pause = options.firstPause }
            call = next(key)
            lanes[key]?.running = call
            if call == nil { rest(key) }
            wake()
        }
    }

    /// Tells whom a call has taken away.
    private func tellDeparted(
        _ key: ScriptLane.Key, _ call: ScriptCall, _ owners: [IPAddress: Set<TargetID>], _ wanted: [IPAddress: BootTime]
    ) {
        let addresses: [IPAddress]
        switch call.verb {
        case .add: return
        case .delete(let address): addresses = [address]
        case .flush: addresses = lanes[key]?.flushes.isEmpty == true ? Array(owners.keys) : []
        }
        let gone = addresses.filter { wanted[$0] == nil }.flatMap { address in
            (owners[address] ?? []).map { Place(target: $0, address: address) }
        }
        if !gone.isEmpty { departed.send(gone) }
    }

    private func next(_ key: ScriptLane.Key) -> ScriptCall? {
        let wanted = wanted(on: key)
        return lanes[key]?.next(wanted, now: clock())
    }

    /// Nothing is left to do for now.
    private func rest(_ key: ScriptLane.Key) {
        guard var lane = lanes[key] else { return }
        lane.isWorking = false
        let isNews = lane.isNews
        lane.isNews = false
        lanes[key] = lane
        if lane.isLeaving, lane.flushes.isEmpty {
            lane.retry?.cancel()
            lanes[key] = nil
        }
        if isNews { broadcast.send(.changed) }
    }

    private func scheduleRetry(_ key: ScriptLane.Key) {
        guard var lane = lanes[key], lane.retry == nil else { return }
        let pause = lane.pause
        lane.pause = min(Self.longestPause, pause * 2)
        lane.retry = Task { [weak self] in
            guard (try? await Task.sleep(for: .milliseconds(pause), clock: .continuous)) != nil else { return }
            await self?.tryAgain(key)
        }
        lanes[key] = lane
    }

    private func tryAgain(_ key: ScriptLane.Key) {
        guard var lane = lanes[key] else { return }
        lane.retry = nil
        if lane.flushFailure != nil {
            lane.flushFailure = nil
            lane.isNews = true
        }
        lane.pending.formUnion(lane.failures.keys)
        lanes[key] = lane
        work()
    }

    // MARK: - Waiting

    /// Waits until something is so, but no longer than a caller can be kept waiting: what is still running then is told
    /// when it has ended.
    func settle(_ isSettled: () -> Bool) async {
        guard !isSettled() else { return }
        lastWaiter += 1
        let number = lastWaiter
        let end = BootClock.now().adding(milliseconds: options.patience)
        let patience = options.patience
        let alarm = Task { [weak self] in
            try? await Task.sleep(for: .milliseconds(patience), clock: .continuous)
            await self?.wake()
        }
        while !isSettled(), BootClock.now() < end {
            await withCheckedContinuation { waiters[number] = $0 }
        }
        alarm.cancel()
        if !isSettled() {
            for key in lanes.keys where lanes[key]?.isWorking == true { lanes[key]?.isNews = true }
        }
    }

    private func wake() {
        let all = waiters.values
        waiters = [:]
        for waiter in all { waiter.resume() }
    }
}
