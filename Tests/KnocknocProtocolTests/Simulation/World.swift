import KnocknocModel
import KnocknocProtocol

/// One agent, two web nodes, a database and a kernel in one queue of events, all decided by a seed.
final class World {
    enum Event {
        case down(link: Int, ServerMessage, decisions: [EntryID: Int])
        case up(link: Int, AgentMessage)
        case attached(link: Int, AgentMessage.Hello, at: Timestamp)
        case fetched(link: Int, after: Position?)
        case replayed(link: Int, [Removal])
        case stepped(link: Int, StreamStep, decision: Int)
        case written(link: Int)
        case serverEnds(link: Int)
        case agentEnds(link: Int)
        case agentStep(run: Int)
        case kernelDone(run: Int)
        case heartbeat(link: Int)
        case dial(run: Int)
        case compare
        case reconnected
        case decide
        case fault
    }

    struct SimLink {
        var node: Int
        var machine: LinkMachine?
        var serverAlive = true
        var lastDown: Int64 = 0
        var lastUp: Int64 = 0
        /// Extra delay while the path is stalled.
        var stall: Int64 = 0
        var decisions: [EntryID: Int] = [:]
    }

    var random: SplitMix64
    var now: Int64 = 1_000_000
    var queue: [(at: Int64, event: Event)] = []
    var isCalm = false
    /// Every event is noted, for looking at one schedule.
    var isTraced = false
    var trace: [String] = []
    var violations: [String] = []

    // The database and what a failover may go back to.
    var store: ModelStore
    var older: [ModelStore] = []
    var rewound = false
    var serial = 0

    // Ghosts: every decision ever made, and those that the agent has confirmed.
    var decisions: [EntryID: [(number: Int, expires: Int64?)]] = [:]
    var keys: [EntryID: MemberKey] = [:]
    var bound: [EntryID: Int] = [:]
    var delivered: [(position: Position, decisions: [EntryID: Int])] = []
    var snapshotPosition: Position?

    // The agent's machine room.
    var kernel: [MemberKey: Int64] = [:]
    /// Who has an established flow: everybody who was ever let in and has not been cut since.
    var flows: Set<MemberKey> = []
    /// Whom this run of the agent has let in and not put out: it cuts their flows also where the kernel was first.
    var admitted: Set<MemberKey> = []
    /// Closes and cuts that failed; the backend tries them again with everything else.
    var unfinished: Set<MemberKey> = []
    /// An agent that has lost its file does not know whom it let in.
    var hasForgotten = false
    var agent: AgentMachine?
    var run = 0
    var effects: [AgentEffect] = []
    var stepping = false
    /// Steps that the kernel has been given and not answered.
    var busy: [(ticket: Int, steps: [MemberStep])] = []
    var file: AgentState?
    var boot = 0
    var bootedAt: Int64 = 0
    var links: [SimLink] = []
    var agentLink: Int?

    /// Seconds without a server after which the second target is closed; in a third of the schedules.
    let closeAfter: Int64?
    /// When a server last spoke.
    var lastWord: Int64 = 1_000_000

    static let agentID = AgentID(value: 7)
    static let targetIDs = [TargetID(value: 1), TargetID(value: 2)]
    static let addresses = [IPAddress.v4(0x0a00_0001), .v4(0x0a00_0002), .v6(0x2001_0db8 << 96)]

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        closeAfter = seed % 3 == 1 ? 10 : nil
        store = ModelStore(epoch: "site-0")
        for id in Self.targetIDs {
            store.bump("target")
            let definition = TargetDefinition(
                id: id, backend: .dryRun, confirmed: true, purpose: .enforce,
                closeAfterSeconds: id == Self.targetIDs[1] ? closeAfter : nil)
            store.targets.append(TargetRow(definition: definition, revision: store.revision))
        }
    }

    var time: Timestamp { Timestamp(microseconds: now * 1000) }
    var stamp: AgentStamp { AgentStamp(boot: "boot-\(boot)", time: BootTime(milliseconds: now - bootedAt)) }

    /// The database's time as a node estimates it: never early.
    func estimate() -> Timestamp {
        Timestamp(microseconds: (now + random.pick(0...(isCalm ? 20 : 400))) * 1000)
    }

    func schedule(_ event: Event, in delay: Int64) { schedule(event, at: now + delay) }

    /// The queue is kept with its next event last; events of one moment come in the order they were scheduled.
    func schedule(_ event: Event, at moment: Int64) {
        var low = 0
        var high = queue.count
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].at > moment { low = middle + 1 } else { high = middle }
        }
        queue.insert((moment, event), at: low)
    }

    /// Runs until `end`, an event at a time.
    func advance(to end: Int64) {
        while violations.isEmpty {
            guard let next = queue.last, next.at <= end else { break }
            let (at, event) = queue.removeLast()
            passTime(to: at)
            if isTraced { trace.append("\(now) \(event)") }
            handle(event)
        }
        passTime(to: end)
    }

    private func passTime(to moment: Int64) {
        now = max(now, moment)
        if kernel.values.contains(where: { $0 <= now }) { kernel = kernel.filter { $0.value > now } }
        if let next = agent?.nextDeadline, next <= stamp.time {
            let stamp = stamp
            perform(agent?.tick(now: stamp) ?? [])
        }
    }

    // MARK: What must hold

    /// Until when this address may be open: the latest end among decisions that are not older than what the agent has
    /// confirmed for that entry.
    func rightUntil(_ key: MemberKey) -> Int64? {
        decisions.compactMap { id, made -> Int64? in
            guard keys[id] == key else { return nil }
            let floor = bound[id] ?? 0
            return made.filter { $0.number >= floor }.compactMap(\.expires).max()
        }.max()
    }

    func check(_ occasion: String) {
        for (key, until) in kernel where until > now {
            guard let right = rightUntil(key) else {
                violations.append("\(occasion) at \(now): \(key.address) on \(key.target) is open without any right")
                continue
            }
            if until > right {
                violations.append("\(occasion) at \(now): \(key.address) open until \(until), right ends \(right)")
            }
        }
    }
}
