import KnocknocModel
import KnocknocProtocol

extension World {
    // MARK: Decisions

    /// One commit: a right for one entry, longer, shorter or none.
    func write(_ id: EntryID, expires: Int64?) {
        guard let key = keys[id] else { return }
        older.append(store)
        if older.count > 6 { older.removeFirst() }
        serial += 1
        store.bump("c\(serial)")
        let timestamp = expires.map { Timestamp(microseconds: $0 * 1000) }
        let entry = StreamEntry(
            id: id, target: key.target, address: key.address, revision: store.revision, expiresAt: timestamp)
        store.rows[id] = .init(entry: entry, decision: serial)
        decisions[id, default: []].append((serial, expires))
    }

    func decide() {
        let target = Self.targetIDs[Int(random.next() % 2)]
        let address = Self.addresses[Int(random.next() % 3)]
        let live = store.rows.filter { $0.value.entry.target == target && $0.value.entry.address == address }.keys
            .sorted()
        var id = live.first
        if id == nil {
            serial += 1
            id = EntryID(value: UInt128(serial))
        }
        guard let id else { return }
        keys[id] = MemberKey(target: target, address: address)
        let isPresent = store.rows[id]?.entry.expiresAt != nil
        if isPresent, random.chance(50) {
            write(id, expires: nil)
        } else {
            write(id, expires: now + (random.chance(30) ? random.pick(500...8000) : random.pick(20_000...300_000)))
        }
        if random.chance(70) {
            // One node made the commit and knows what it did; it may hear of that later than the other of a hint.
            let node = Int(random.next() % 2)
            let step = store.step(id)
            for link in links.indices {
                if links[link].node == node, let step {
                    schedule(
                        .stepped(link: link, step, decision: serial), in: random.chance(20) ? random.pick(1...60) : 0)
                } else {
                    serve(link) { $0.wake() }
                }
            }
        }
        if random.chance(30) { store.prune() }
    }

    // MARK: Faults

    func fault() {
        let kind = random.next() % 11
        trace.append("\(now) fault \(kind)")
        switch kind {
        case 0, 1: cut()
        case 2: crash(losingFile: false)
        case 3: crash(losingFile: random.chance(50))
        case 4: reboot()
        case 5:
            // A web node restarts.
            let node = Int(random.next() % 2)
            for link in links.indices where links[link].node == node && links[link].serverAlive {
                links[link].serverAlive = false
                schedule(.agentEnds(link: link), in: random.pick(0...3000))
            }
        case 6:
            // The path is stalled for a while.
            if let agentLink { links[agentLink].stall = random.pick(1000...15_000) }
        case 7:
            // The agent dials anew while its old link still stands at the server.
            guard let old = agentLink else { return }
            agentLink = nil
            perform(agent?.linkDown() ?? [])
            links[old].stall += random.pick(0...4000)
            schedule(.dial(run: run), in: random.pick(0...100))
        case 8:
            // A failover lost nothing but what agents reported, which is committed without waiting.
            store.applied = -1
            store.failures = []
            schedule(.reconnected, in: random.pick(1...2000))
        default: rewind()
        }
    }

    private func cut() {
        guard let link = agentLink else { return }
        schedule(.agentEnds(link: link), in: random.pick(0...6000))
        schedule(.serverEnds(link: link), in: random.pick(0...12_000))
    }

    private func stopAgent() {
        // An addition is written soon, not at once.
        hasForgotten = hasForgotten || agent?.entries.keys.contains { file?.entries[$0] == nil } ?? false
        run += 1
        agent = nil
        effects = []
        busy = []
        admitted = []
        unfinished = []
        stepping = false
        delivered = []
        snapshotPosition = nil
        if let agentLink { schedule(.serverEnds(link: agentLink), in: random.pick(0...12_000)) }
        agentLink = nil
    }

    func startAgent(wallError: Int64 = 0, synchronised: Bool = true) {
        let wall = Timestamp(microseconds: (now + wallError) * 1000)
        hasForgotten = hasForgotten || (file == nil && run > 0)
        let state = file?.restored(now: stamp, wall: wall, wallIsSynchronised: synchronised)
        if state?.position == nil { bound = [:] }
        agent = AgentMachine(state: state, now: stamp)
        let stamp = stamp
        perform(agent?.reconcile(now: stamp) ?? [])
        schedule(.dial(run: run), in: random.pick(50...1500))
    }

    private func crash(losingFile: Bool) {
        stopAgent()
        if losingFile {
            file = nil
            bound = [:]
        }
        startAgent()
    }

    /// The host starts again, perhaps with a wall clock that cannot be believed.
    private func reboot() {
        stopAgent()
        kernel = [:]
        flows = []
        boot += 1
        now += random.pick(500...20_000)
        bootedAt = now - random.pick(0...900)
        let synchronised = random.chance(60)
        startAgent(wallError: synchronised ? 0 : random.pick(-3_600_000...3_600_000), synchronised: synchronised)
    }

    /// A failover lost the tail, or an old copy was restored under a new epoch.
    private func rewind() {
        guard !older.isEmpty else { return }
        rewound = true
        let back = Int(random.next() % UInt64(older.count))
        store = older[back]
        older.removeLast(older.count - back)
        trace.append("\(now) rewound to \(store.revision)")
        // Every node loses its connections; that it hears of it is no more than a hint.
        if random.chance(50) { schedule(.reconnected, in: random.pick(1...2000)) }
        guard random.chance(30) else { return }
        serial += 1
        store.epoch = "site-\(serial)"
        older = []
        if random.chance(50) {
            for (id, row) in store.rows where row.entry.expiresAt != nil { write(id, expires: nil) }
        }
    }
}
