import KnocknocEnforcement
import KnocknocModel
import KnocknocMoments
import KnocknocProtocol
import Logging

extension AgentLoop {
    /// Does what the machine says, in order; what follows from a result is done before the next.
    func perform(_ effects: [AgentEffect]) async {
        for effect in effects { await perform(effect) }
    }

    private func perform(_ effect: AgentEffect) async {
        switch effect {
        case .greet(let greeting): greet(greeting)
        case .send(let message): send(message)
        case .census(let target, let guarded):
            await settle()
            let census = await enforcer.flowsCut(by: guarded)
            await perform(machine.counted(target, flows: census.flows, sources: census.sources, now: stamp))
        case .define(let ticket, let targets):
            await settle()
            let outcomes = await enforcer.define(targets)
            note(outcomes)
            targetsKnown = targets.count { $0.purpose == .enforce }
            await perform(machine.defined(ticket, outcomes.mapValues(\.step)))
        case .apply(let ticket, let steps): await apply(ticket, steps)
        case .reconcile(let ticket, let targets, let members):
            await settle()
            await reconcile(ticket, targets, members)
        case .persist(let ticket): persist(ticket)
        case .answer(let ping, let lines): send(.pong(.init(id: ping, log: recentLog(lines))))
        case .closeLink(let reason): close(reason)
        }
    }

    private func reconcile(
        _ ticket: Int, _ targets: [TargetDefinition], _ members: [MemberKey: BootTime]
    ) async {
        let wanted = members.map { Member(target: $0.key.target, address: $0.key.address, deadline: $0.value) }
        let result = await enforcer.reconcile(targets, wanted)
        note(result.targets)
        targetsKnown = targets.count { $0.purpose == .enforce }
        if result.added + result.removed > 0 {
            logger.notice(
                "the kernel differed from what is wanted and was mended",
                metadata: ["added": "\(result.added)", "removed": "\(result.removed)"])
            // After a reboot everything is missing, and nobody has done that.
            if isAdopted { machine.drifted(.init(added: result.added, removed: result.removed)) }
        }
        var failures: [MemberKey: String] = [:]
        for failure in result.failures {
            failures[MemberKey(target: failure.member.target, address: failure.member.address)] = failure.reason
        }
        var stuck: [MemberKey: String] = [:]
        for item in result.stuck {
            stuck[MemberKey(target: item.target, address: item.address)] = item.reason
            logger.error("\(item.address) on target \(item.target) is not closed: \(item.reason)")
        }
        await perform(
            machine.reconciled(
                ticket, targets: result.targets.mapValues(\.step), failures: failures, stuck: stuck))
    }

    /// Remembers which targets the backend refuses; says so once.
    func note(_ outcomes: [TargetID: KnocknocEnforcement.Outcome]) {
        for (target, outcome) in outcomes {
            guard case .failed(let reason) = outcome else {
                targetFailures[target] = nil
                continue
            }
            if targetFailures.updateValue(reason, forKey: target) != reason {
                logger.error("target \(target): \(reason)")
            }
        }
    }

    private func greet(_ greeting: AgentEffect.Greeting) {
        guard let link = link?.link else { return }
        let bytes = SignedHello.bytes(
            nonce: greeting.nonce, agent: greeting.agent, host: link.server.authority)
        do throws(AgentError) {
            let host = HostFacts()
            var capabilities = host.capabilities.merging(limitations) { host, _ in host }
                .merging(versions) { known, _ in known }
            capabilities["backend"] = configuration.backend.rawValue
            capabilities["backends"] = configuration.ceilings.allowed.map(\.rawValue).joined(separator: " ")
            capabilities["name"] = configuration.name
            capabilities["zone"] = configuration.zone
            send(
                .hello(
                    .init(
                        protocolMin: Codec.protocols.lowerBound, protocolMax: Codec.protocols.upperBound,
                        instance: instance, stamp: greeting.stamp, position: greeting.position,
                        removals: greeting.removals, signingKey: keys.signingPublicKey,
                        sealingKey: keys.sealingPublicKey, signature: try keys.signature(of: bytes),
                        version: AgentVersion.current, machine: host.name, system: host.system,
                        capabilities: capabilities, edge: configuration.allowListListen == nil ? nil : true)))
        } catch {
            link.close(error.message, pause: 30_000)
        }
    }

    /// Says who fetched lists; without a link it is counted on.
    func tellFetches(at now: BootTime) {
        guard machine.isSynced, link != nil else { return }
        nextFetches = now.adding(milliseconds: Self.fetchInterval)
        if let fetched = desk?.takeCounts() { send(.fetched(fetched)) }
    }

    private func send(_ message: AgentMessage) {
        guard let link = link?.link else { return }
        let acknowledges = if case .applied = message { true } else { false }
        if acknowledges { Moment.reach(.beforeAcknowledgement) }
        do throws(ProtocolError) { link.send(try Codec.encode(message)) } catch { link.close(error.message) }
        if acknowledges { Moment.reach(.afterAcknowledgement) }
    }

    private func close(_ reason: AgentEffect.CloseReason) {
        nextHeartbeat = nil
        guard let link = link?.link else { return }
        switch reason {
        case .resync(let text): link.close("\(text); dialing again")
        case .silent: link.close("the server did not answer two heartbeats")
        case .unsupported(let text): link.close(text, pause: 30_000)
        case .bye(let bye):
            if bye.code == .keyChanged {
                logger.error("approve this agent's key on the server: \(keys.fingerprint)")
            }
            link.close("the server said \(bye.code.rawValue): \(bye.text)", pause: Self.pause(after: bye.code))
        }
    }

    /// Milliseconds before dialing again after a farewell.
    private static func pause(after code: ServerMessage.Bye.Code) -> Int64? {
        switch code {
        case .revoked: 60_000
        case .keyChanged, .unsupportedProtocol: 30_000
        case .replaced: 5000
        case .protocolError: 1000
        case .noDatabase, .draining, .resync: nil
        }
    }
}

extension KnocknocEnforcement.Outcome {
    var step: StepOutcome {
        switch self {
        case .applied: .applied
        case .dryRun: .dryRun
        case .failed(let reason): .failed(reason)
        }
    }
}

extension MemberStep {
    var change: MemberChange {
        switch self {
        case .open(let key, let deadline):
            .open(Member(target: key.target, address: key.address, deadline: deadline))
        case .close(let key): .close(target: key.target, address: key.address)
        case .cut(let key): .cut(target: key.target, address: key.address)
        }
    }
}
