import KnocknocModel
import KnocknocProtocol

/// Values that the tests share.
enum Samples {
    static let agent = AgentID(value: 7)
    static let target = TargetID(value: 1)
    static let entry = EntryID(value: 9)
    static let address = IPAddress.v4(0x0a00_0001)
    static let key = MemberKey(target: target, address: address)

    static func position(_ revision: Int64, _ change: String = "a", epoch: String = "site") -> Position {
        Position(epoch: epoch, revision: revision, change: change)
    }

    static func stamp(_ milliseconds: Int64, boot: String = "boot") -> AgentStamp {
        AgentStamp(boot: boot, time: BootTime(milliseconds: milliseconds))
    }

    static func row(_ revision: Int64, ttl: Int64?, cut: Int64? = nil, entry: EntryID = entry) -> EntryRow {
        EntryRow(id: entry, target: target, address: address, revision: revision, ttl: ttl, cut: cut)
    }

    static func targetRow(
        _ revision: Int64 = 1, backend: Backend = .dryRun, confirmed: Bool = true,
        purpose: TargetDefinition.Purpose = .enforce
    ) -> TargetRow {
        TargetRow(
            definition: TargetDefinition(id: target, backend: backend, confirmed: confirmed, purpose: purpose),
            revision: revision)
    }

    static func changes(
        after: Position, to position: Position, since: AgentStamp, targets: [TargetRow] = [], _ entries: [EntryRow]
    ) -> ServerMessage {
        .changes(.init(after: after, position: position, rows: .init(since: since, targets: targets, entries: entries)))
    }

    static let guarded = Backend.nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [9000], trialSeconds: 60))

    /// An agent that stands at revision 1 with one target, linked and welcomed at 1,000 ms.
    static func linkedAgent(targets: [TargetRow] = [targetRow()]) -> AgentMachine {
        var state = AgentState(
            agent: agent, boot: "boot", wall: Timestamp(microseconds: 0), time: BootTime(milliseconds: 0),
            position: position(1))
        state.targets = targets
        var machine = AgentMachine(state: state, now: stamp(0))
        link(&machine, now: stamp(1000))
        return machine
    }

    static func link(_ machine: inout AgentMachine, now: AgentStamp, epoch: Int64 = 5) {
        _ = machine.linkUp()
        _ = machine.received(
            .challenge(.init(agent: agent, nonce: "n", protocolMin: 1, protocolMax: 1)), now: now)
        _ = machine.received(
            .welcome(.init(linkEpoch: epoch, node: "web-1", heartbeat: 5000, version: "1")), now: now)
    }

    static func hello(position: Position?, removals: [Removal] = []) -> AgentMessage.Hello {
        .init(
            protocolMin: 1, protocolMax: 1, instance: "i", stamp: stamp(1000), position: position, removals: removals,
            signingKey: "", sealingKey: "", signature: "", version: "1", machine: "m", system: "s",
            capabilities: ["nftables": "1.0.6"])
    }
}

extension AgentMachine {
    /// Does everything at once and successfully, as a driver would, and collects what is left to send or to close.
    mutating func carryOut(_ effects: [AgentEffect]) -> [AgentEffect] {
        var rest: [AgentEffect] = []
        var queue = effects
        while !queue.isEmpty {
            let effect = queue.removeFirst()
            switch effect {
            case .apply(let ticket, let steps):
                rest.append(effect)
                queue = applied(ticket, steps.map { _ in .applied }) + queue
            case .define(let ticket, let targets):
                rest.append(effect)
                queue = defined(ticket, .init(targets.map { ($0.id, .applied) }) { one, _ in one }) + queue
            case .reconcile(let ticket, _, _):
                rest.append(effect)
                queue = reconciled(ticket, targets: [:], failures: [:]) + queue
            case .persist(let ticket?): queue = persisted(ticket) + queue
            case .persist: break
            default: rest.append(effect)
            }
        }
        return rest
    }
}

extension [AgentEffect] {
    var steps: [MemberStep] {
        flatMap { effect -> [MemberStep] in if case .apply(_, let steps) = effect { steps } else { [] } }
    }

    var sent: [AgentMessage] {
        compactMap { effect in if case .send(let message) = effect { message } else { nil } }
    }

    var closes: Bool {
        contains { effect in if case .closeLink = effect { true } else { false } }
    }
}
