import KnocknocModel
import KnocknocProtocol

extension World {
    func handle(_ event: Event) {
        switch event {
        case .down(let link, let message, let decisions): deliver(link, message, decisions)
        case .up(let link, let message): receive(link, message)
        case .attached(let link, let hello, let at): attach(link, hello, at)
        case .fetched(let link, let after): fetched(link, after)
        case .replayed(let link, let removals): replay(link, removals)
        case .stepped(let link, let step, let decision):
            for entry in step.rows.entries {
                links[link].decisions[entry.id] = max(links[link].decisions[entry.id] ?? 0, decision)
            }
            serve(link) { $0.stepped(step) }
        case .written(let link): serve(link) { $0.written() }
        case .serverEnds(let link): links[link].serverAlive = false
        case .agentEnds(let link):
            guard agentLink == link else { return }
            agentLink = nil
            perform(agent?.linkDown() ?? [])
            schedule(.dial(run: run), in: random.pick(50...800))
        case .agentStep(let run): if run == self.run { step() }
        case .kernelDone(let run):
            guard run == self.run, !busy.isEmpty else { return }
            // The agent takes what has happened once it is done with what it is at.
            guard effects.isEmpty else { return schedule(.kernelDone(run: run), in: 1) }
            perform(settle())
        case .heartbeat(let link):
            guard agentLink == link else { return }
            let stamp = stamp
            perform(agent?.heartbeat(now: stamp) ?? [])
            schedule(.heartbeat(link: link), in: 5000)
        case .dial(let run): if run == self.run, agentLink == nil { dial() }
        case .compare:
            for link in links.indices where links[link].serverAlive {
                let standing = LinkStanding(
                    position: store.position, linkEpoch: store.linkEpoch,
                    unreported: store.applied < store.revision ? store.applied + 1 : nil)
                serve(link) { $0.compare(standing) }
            }
            schedule(.compare, in: 1000)
        case .reconnected:
            for link in links.indices { serve(link) { $0.reconnected() } }
        case .decide: decide()
        case .fault: fault()
        }
    }

    // MARK: The agent

    static let injected = "injected"

    /// What the agent does each minute.
    func compareKernel() {
        let stamp = stamp
        perform(agent?.reconcile(now: stamp) ?? [])
    }

    private func dial() {
        links.append(SimLink(node: Int(random.next() % 2)))
        let link = links.count - 1
        agentLink = link
        perform(agent?.linkUp() ?? [])
        let challenge = ServerMessage.Challenge(agent: Self.agentID, nonce: "", protocolMin: 1, protocolMax: 1)
        send(link, .challenge(challenge))
        schedule(.heartbeat(link: link), in: 5000)
    }

    private func deliver(_ link: Int, _ message: ServerMessage, _ numbers: [EntryID: Int]) {
        guard agentLink == link, agent != nil else { return }
        let stamp = stamp
        let wasLinked = agent?.heartbeatInterval != nil
        let effects = agent?.received(message, now: stamp) ?? []
        let isLinked = agent?.heartbeatInterval != nil
        switch message {
        case .challenge, .bye: break
        default: lastWord = now
        }
        switch message {
        // What a machine that has given up its link ignores does not bind it.
        case .snapshotBegin(let begin): snapshotPosition = begin.position
        case .snapshotChunk where wasLinked && isLinked:
            if let position = snapshotPosition { delivered.append((position, numbers)) }
        case .changes(let changes) where wasLinked && isLinked: delivered.append((changes.position, numbers))
        default: break
        }
        perform(effects)
    }

    func perform(_ new: [AgentEffect]) {
        effects += new
        guard !effects.isEmpty, !stepping else { return }
        stepping = true
        schedule(.agentStep(run: run), in: random.chance(10) ? random.pick(0...300) : 1)
    }

    /// Carries out one effect; a crash may come between any two.
    private func step() {
        stepping = false
        guard !effects.isEmpty, agent != nil else { return }
        let effect = effects.removeFirst()
        var results: [AgentEffect] = []
        switch effect {
        case .define where !busy.isEmpty, .reconcile where !busy.isEmpty, .census where !busy.isEmpty:
            // Whole targets wait for the kernel to be done with their members.
            results = settle() + [effect]
        case .greet(let greeting):
            let hello = AgentMessage.Hello(
                protocolMin: 1, protocolMax: 1, instance: "\(run)", stamp: greeting.stamp, position: greeting.position,
                removals: greeting.removals, signingKey: "", sealingKey: "", signature: "", version: "", machine: "",
                system: "", capabilities: [:])
            if let agentLink { say(agentLink, .hello(hello)) }
        case .send(let message):
            if case .applied(let applied) = message { confirm(applied) }
            if let agentLink { say(agentLink, message) }
        case .census, .answer: break
        case .define(let ticket, let targets):
            results = agent?.defined(ticket, .init(targets.map { ($0.id, .applied) }) { one, _ in one }) ?? []
        case .apply(let ticket, let steps):
            let keys = Set(steps.map(\.key))
            // What is about one member happens, and is told, in order.
            if busy.contains(where: { $0.steps.contains { keys.contains($0.key) } }) {
                results = settle() + [effect]
            } else {
                busy.append((ticket, steps))
                if busy.count == 1, !random.chance(20) { results = settle() }
                if !busy.isEmpty { schedule(.kernelDone(run: run), in: random.pick(1...400)) }
            }
        case .reconcile(let ticket, let targets, let members):
            let fails = !isCalm && random.chance(10)
            let ids = Set(targets.map(\.id))
            if !fails {
                // Of targets that are not given nothing is known, and nothing touched.
                for key in admitted.union(kernel.keys) where ids.contains(key.target) {
                    kernel[key] = nil
                    guard members[key] == nil else { continue }
                    admitted.remove(key)
                    flows.remove(key)
                }
                flows.subtract(unfinished)
                unfinished = []
                for (key, deadline) in members where ids.contains(key.target) { admit(key, until: deadline) }
            }
            check("reconcile")
            let outcomes = ids.map { ($0, fails ? StepOutcome.failed(Self.injected) : .applied) }
            results =
                agent?.reconciled(
                    ticket, targets: .init(uniqueKeysWithValues: outcomes),
                    failures: fails ? members.mapValues { _ in Self.injected } : [:]) ?? []
        case .persist(let ticket):
            if isCalm || !random.chance(4) {
                file = agent?.state(wall: time, now: stamp)
            } else if ticket != nil {
                // It cannot be written: it must not stay.
                file = nil
            }
            if let ticket { results = agent?.persisted(ticket) ?? [] }
        case .closeLink:
            if let agentLink {
                schedule(.serverEnds(link: agentLink), in: random.pick(0...3000))
                self.agentLink = nil
                schedule(.dial(run: run), in: random.pick(50...800))
            }
        }
        effects = results + effects
        perform([])
    }

    private func admit(_ key: MemberKey, until deadline: BootTime) {
        kernel[key] = bootedAt + deadline.milliseconds
        admitted.insert(key)
        if bootedAt + deadline.milliseconds > now { flows.insert(key) }
        // The kernel may be busy for a while between the word and the deed.
        if let closeAfter, key.target == Self.targetIDs[1], now - lastWord > closeAfter * 1000 + 3000 {
            violations.append("\(key.address) was let in at \(now), \(now - lastWord) ms after a server's last word")
        }
    }

    /// The kernel is done with the oldest steps that it has been given.
    func settle() -> [AgentEffect] {
        let (ticket, steps) = busy.removeFirst()
        var outcomes: [StepOutcome] = []
        for step in steps {
            guard isCalm || !random.chance(4) else {
                outcomes.append(.failed(Self.injected))
                if case .open = step { continue }
                unfinished.insert(step.key)
                continue
            }
            outcomes.append(.applied)
            switch step {
            case .open(let key, let deadline): admit(key, until: deadline)
            case .close(let key):
                kernel[key] = nil
                admitted.remove(key)
                flows.remove(key)
            case .cut(let key): flows.remove(key)
            }
        }
        check("apply")
        if !busy.isEmpty { schedule(.kernelDone(run: run), in: random.pick(1...400)) }
        return agent?.applied(ticket, outcomes) ?? []
    }

    /// What the agent has said to be done binds it, over every crash that leaves its file.
    private func confirm(_ applied: AgentMessage.Applied) {
        guard let epoch = agent?.position?.epoch else { return }
        let failed = applied.failures.filter { $0.reason.contains(Self.injected) }
        let entries = Set(failed.compactMap(\.entry))
        let targets = Set(failed.filter { $0.entry == nil }.map(\.target))
        for index in delivered.indices {
            let position = delivered[index].position
            guard position.epoch == epoch, position.revision <= applied.revision else { continue }
            // What is said to have failed does not bind yet.
            let done = delivered[index].decisions.filter { id, _ in
                !entries.contains(id) && !(keys[id].map { targets.contains($0.target) } ?? false)
            }
            bound.merge(done) { max($0, $1) }
            for id in done.keys { delivered[index].decisions[id] = nil }
        }
        delivered.removeAll { $0.decisions.isEmpty }
        check("applied \(applied.revision)")
    }

    private func say(_ link: Int, _ message: AgentMessage) {
        let at = max(links[link].lastUp, now + delay(link))
        links[link].lastUp = at
        schedule(.up(link: link, message), at: at)
        // Twice, but in order: a link loses none and swaps none.
        if !isCalm, case .applied = message, random.chance(10) { schedule(.up(link: link, message), at: at) }
    }

    func isOpen(_ link: Int) -> Bool { links[link].serverAlive }

    private func delay(_ link: Int) -> Int64 {
        links[link].stall + (random.chance(isCalm ? 0 : 10) ? random.pick(0...2000) : random.pick(1...20))
    }

    // MARK: The web nodes

    private func send(_ link: Int, _ message: ServerMessage) {
        let at = max(links[link].lastDown, now + delay(link))
        links[link].lastDown = at
        let rows: [EntryRow] =
            switch message {
            case .changes(let changes): changes.rows.entries
            case .snapshotChunk(let rows): rows.entries
            default: []
            }
        let numbers = Dictionary(rows.map { ($0.id, links[link].decisions[$0.id] ?? 0) }) { one, _ in one }
        schedule(.down(link: link, message, decisions: numbers), at: at)
        if !isCalm, case .changes = message, random.chance(5) {
            schedule(.down(link: link, message, decisions: numbers), at: at + 1)
        }
    }

    func serve(_ link: Int, _ body: (inout LinkMachine) -> [LinkEffect]) {
        // Through the optional, not through a copy of the machine: this is the simulation's hot path.
        guard links[link].serverAlive, let effects = links[link].machine.mutate(body) else { return }
        for effect in effects {
            switch effect {
            case .fetch(let after): schedule(.fetched(link: link, after: after), in: random.pick(1...30))
            case .send(let message):
                send(link, message)
                schedule(.written(link: link), in: random.pick(1...10))
            case .record(let applied): store.record(applied)
            case .trial, .ponged, .fetched: break
            case .replayRemovals(let removals): schedule(.replayed(link: link, removals), in: random.pick(1...30))
            case .close(let bye):
                send(link, .bye(bye))
                links[link].serverAlive = false
                schedule(.agentEnds(link: link), in: max(0, links[link].lastDown - now) + 5)
            }
        }
    }

    private func receive(_ link: Int, _ message: AgentMessage) {
        guard links[link].serverAlive else { return }
        switch message {
        case .hello(let hello):
            guard links[link].machine == nil else { return }
            schedule(.attached(link: link, hello, at: estimate()), in: random.pick(1...50))
        case .heartbeat(let stamp):
            let at = estimate()
            serve(link) { $0.heartbeat(stamp, at: at, databaseAge: 0) }
        default: serve(link) { $0.received(message) }
        }
    }

    private func attach(_ link: Int, _ hello: AgentMessage.Hello, _ at: Timestamp) {
        guard links[link].serverAlive else { return }
        let epoch = store.attach(now: now)
        for other in links.indices where other != link && links[other].node == links[link].node {
            serve(other) { $0.close(.replaced, "") }
        }
        links[link].machine = LinkMachine(hello: hello, linkEpoch: epoch, at: at)
        serve(link) { $0.start(welcome: .init(linkEpoch: epoch, node: "", heartbeat: 5000, version: "")) }
    }

    private func fetched(_ link: Int, _ after: Position?) {
        guard isCalm || !random.chance(5) else {
            serve(link) {
                $0.fetchFailed()
                return []
            }
            return
        }
        let answer = store.answer(after: after)
        for entry in answer.rows.entries { links[link].decisions[entry.id] = store.rows[entry.id]?.decision ?? 0 }
        serve(link) { $0.fetched(answer) }
    }

    private func replay(_ link: Int, _ removals: [Removal]) {
        for removal in removals {
            guard let row = store.rows[removal.entry], row.entry.expiresAt != nil else { continue }
            guard removal.epoch != store.epoch || row.entry.revision <= removal.revision else { continue }
            write(removal.entry, expires: nil)
        }
        serve(link) { $0.replayed() }
    }
}

extension Optional {
    /// Changes the value in place where there is one.
    fileprivate mutating func mutate<Result>(_ body: (inout Wrapped) -> Result) -> Result? {
        guard var value = self else { return nil }
        self = nil
        let result = body(&value)
        self = value
        return result
    }
}
