import KnocknocModel
import Logging

extension HAProxyEnforcer {
    /// What a list is to hold now.
    private func wanted(_ list: ProxyList) -> [CIDR: Int64] {
        let (now, wall) = (options.clock(), options.wall())
        var result: [CIDR: Int64] = [:]
        for (id, other) in targets where other == list {
            for (address, deadline) in members[id] ?? [:] {
                let left = deadline.milliseconds(since: now)
                // A moment is rounded down to whole seconds.
                guard left >= (list.isTimed ? 1000 : 1) else { continue }
                // A deadline beyond all measure, of a state file, is none.
                let (end, isBeyond) = wall.addingReportingOverflow(left)
                guard !isBeyond else { continue }
                let network = network(address, on: id)
                result[network] = max(result[network] ?? 0, list.isTimed ? end / 1000 : 0)
            }
        }
        return result
    }

    /// Brings some networks of a list to what is wanted, where it is known what it holds.
    func update(_ list: ProxyList, _ networks: [CIDR]) {
        guard let process = lists[list]?.process else {
            synchronise(list)
            return
        }
        let wanted = wanted(list)
        let fileFailure = save(list, wanted).failure
        guard var state = lists[list] else { return }
        var commands: [String] = []
        for network in Set(networks) {
            let key = network.shortest
            guard !state.foreign.contains(key) else {
                state.entries[network] = nil
                continue
            }
            switch (state.entries[network], wanted[network]) {
            case (nil, nil): continue
            case (_?, nil): commands.append("del \(list.name) \(key)")
            // What is not in the file would not outlive HAProxy: then it is not in force.
            case (_, _?) where fileFailure != nil: continue
            case (nil, let end?): commands.append("add \(list.name) \(key)" + value(end, list))
            case (let old?, let end?) where old == end: continue
            case (_?, let end?): commands.append("set \(list.name) \(key)" + value(end, list))
            }
            state.entries[network] = wanted[network]
        }
        do throws(EnforcementError) {
            let answers = try RuntimeSocket(path: list.socket).run(["show info"] + commands)
            guard answers[0].process == process, answers.dropFirst().allSatisfy(\.isEmpty) else {
                synchronise(list)
                return
            }
            lists[list] = state
            tellDeparted(list, wanted)
            if let fileFailure { throw fileFailure }
        } catch {
            fail(list, error)
        }
    }

    /// Compares a whole list with what is wanted, and mends it.
    @discardableResult
    func synchronise(_ list: ProxyList) -> (added: Int, removed: Int) {
        do throws(EnforcementError) {
            for _ in 0..<3 {
                if let counts = try compare(list) {
                    if lists[list]?.failure != nil {
                        lists[list]?.failure = nil
                        logger.notice("HAProxy has it again", metadata: ["list": "\(list)"])
                        broadcast.send(.changed)
                    }
                    if !targets.values.contains(list) { lists[list] = nil }
                    return counts
                }
            }
            throw EnforcementError(.unavailable, "\(list.socket): HAProxy is replaced faster than it can be told")
        } catch {
            fail(list, error)
            return (0, 0)
        }
    }

    /// - Returns: nil where another process answered half-way, or an entry was gone already.
    private func compare(_ list: ProxyList) throws(EnforcementError) -> (added: Int, removed: Int)? {
        let socket = RuntimeSocket(path: list.socket)
        let wanted = wanted(list)
        let (isRead, fileFailure) = save(list, wanted)
        let before = lists[list] ?? State()
        let foreign = before.foreign
        let seen = try socket.run(["show info", "show \(list.name)"])
        guard let entries = ProxyList.entries(in: seen[1]) else {
            throw EnforcementError(
                .missing, "HAProxy knows no \(list.name): \(seen[1]); name this file in haproxy.cfg and reload HAProxy")
        }
        var state = State(process: seen[0].process, foreign: foreign)
        var commands = ["show info"]
        var (added, removed) = (0, 0)
        for entry in entries where !foreign.contains(entry.key) {
            guard let network = entry.network, let end = wanted[network], state.entries[network] == nil else {
                // Without the file, what this process has not seen there as its own may be the administrator's.
                guard isRead || entry.network.map({ before.entries[$0] != nil }) ?? false else { continue }
                commands.append("del \(list.name) \(entry.reference)")
                removed += 1
                continue
            }
            let found = list.isTimed ? entry.value.flatMap { Int64($0) } : 0
            // Whatever number HAProxy says: nothing is added to it or taken from it.
            if let found, (max(0, end - Self.tolerance)...end).contains(found) {
                state.entries[network] = found
            } else {
                commands.append("set \(list.name) \(entry.reference)" + value(end, list))
                state.entries[network] = end
            }
        }
        if fileFailure == nil {
            for (network, end) in wanted where state.entries[network] == nil && !foreign.contains(network.shortest) {
                commands.append("add \(list.name) \(network.shortest)" + value(end, list))
                state.entries[network] = end
                added += 1
            }
        }
        let answers = try socket.run(commands)
        guard answers[0].process == state.process, answers.dropFirst().allSatisfy(\.isEmpty) else {
            if let text = answers.dropFirst().first(where: { !$0.isEmpty }) {
                logger.debug("HAProxy refused a command", metadata: ["list": "\(list)", "answer": "\(text)"])
            }
            return nil
        }
        state.failure = before.failure
        lists[list] = state
        tellDeparted(list, wanted)
        if let fileFailure { throw fileFailure }
        return (added, removed)
    }

    /// Writes the file where it says something else.
    ///
    /// - Returns: whether it could be read, so that it is known what is the administrator's; what went wrong.
    private func save(_ list: ProxyList, _ wanted: [CIDR: Int64]) -> (isRead: Bool, failure: EnforcementError?) {
        var isRead = false
        do throws(EnforcementError) {
            let text = try ListFile.read(list.file)
            let foreign = text.map(ListFile.foreign) ?? ""
            lists[list]?.foreign = ListFile.keys(in: foreign)
            isRead = true
            let entries = wanted.sorted { ($0.key.address, $0.key.length) < ($1.key.address, $1.key.length) }.map {
                (network: $0.key, value: list.isTimed ? String($0.value) : nil)
            }
            let new = ListFile.render(foreign, entries)
            if text == nil { ListFile.makeFolder(options.folder) }
            if new != text { try ListFile.write(new, to: list.file) }
            return (isRead, nil)
        } catch {
            return (isRead, error)
        }
    }

    private func value(_ end: Int64, _ list: ProxyList) -> String { list.isTimed ? " \(end)" : "" }

    /// What was to leave and may still be let in.
    var stuck: [Reconciliation.Stuck] {
        lists.flatMap { list, state -> [Reconciliation.Stuck] in
            guard let failure = state.failure, let target = targets.first(where: { $0.value == list })?.key else {
                return []
            }
            let wanted = wanted(list)
            return state.entries.keys.filter { wanted[$0] == nil }.map {
                .init(target: target, address: $0.address, reason: failure.message)
            }
        }
    }

    /// Remembers why a list is not as it should be; says so once.
    private func fail(_ list: ProxyList, _ error: EnforcementError) {
        if lists[list]?.failure != error {
            logger.error("\(error.message)", metadata: ["list": "\(list)"])
        }
        lists[list]?.failure = error
        lists[list]?.process = nil
    }

    // MARK: Leaving

    func leave(_ id: TargetID, _ address: IPAddress, _ list: ProxyList) {
        leaving[list, default: [:]][Place(target: id, address: address)] = network(address, on: id)
    }

    /// Tells who is out, now that it is known what the list holds. Where another target still lets the same client in,
    /// that one's end is waited for.
    private func tellDeparted(_ list: ProxyList, _ wanted: [CIDR: Int64]) {
        guard let places = leaving[list], let entries = lists[list]?.entries else { return }
        var left: [Place: CIDR] = [:]
        var gone: [Place] = []
        for (place, network) in places where members[place.target]?[place.address] == nil {
            if wanted[network] == nil, entries[network] == nil { gone.append(place) } else { left[place] = network }
        }
        leaving[list] = left.isEmpty ? nil : left
        if !gone.isEmpty { departed.send(gone) }
    }

    // MARK: Time

    /// Ends what has run out: a map has refused it since, a list without moments is told now.
    private func expire() {
        expiry = nil
        let now = options.clock()
        var gone: [ProxyList: [CIDR]] = [:]
        for (id, list) in targets {
            for (address, deadline) in members[id] ?? [:] where deadline <= now {
                members[id]?[address] = nil
                leave(id, address, list)
                gone[list, default: []].append(network(address, on: id))
            }
        }
        for (list, networks) in gone { update(list, networks) }
        scheduleExpiry()
    }

    /// Sleeps, by a clock that counts through suspend, until the first member's time is up.
    func scheduleExpiry() {
        guard let next = members.values.compactMap({ $0.values.min() }).min() else { return }
        if let expiry, expiry.at <= next { return }
        expiry?.task.cancel()
        let left = max(0, next.milliseconds(since: options.clock()))
        let task = Task { [weak self] in
            guard (try? await Task.sleep(for: .milliseconds(left), clock: .continuous)) != nil else { return }
            await self?.expire()
        }
        expiry = (next, task)
    }

    // MARK: HAProxy's comings and goings

    func startWatching() {
        guard !lists.isEmpty, watch == nil else { return }
        let interval = options.watchInterval
        watch = Task { [weak self] in
            while true {
                guard (try? await Task.sleep(for: interval, clock: .continuous)) != nil else { return }
                guard let self, await self.look() else { return }
            }
        }
    }

    /// Compares lists of a HAProxy that is another process than before, or whose clock was set.
    ///
    /// - Returns: false where there is nothing left to look after.
    private func look() -> Bool {
        let offset = options.wall() - options.clock().milliseconds
        let isSet = abs(offset - self.offset) > 1500
        self.offset = offset
        for (socket, group) in Dictionary(grouping: lists.keys, by: \.socket) {
            let answers = try? RuntimeSocket(path: socket).run(["show info"])
            let process = answers.flatMap { $0[0].process }
            for list in group where isSet || process == nil || lists[list]?.process != process { synchronise(list) }
        }
        if lists.isEmpty { watch = nil }
        return !lists.isEmpty
    }
}

extension String {
    /// Which process it is, in an answer to `show info`.
    fileprivate var process: String? {
        split(separator: "\n").first { $0.hasPrefix("Pid: ") }.map { String($0.dropFirst(5)) }
    }
}
