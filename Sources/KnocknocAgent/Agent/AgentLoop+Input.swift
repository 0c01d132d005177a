import KnocknocEnforcement
import KnocknocModel
import KnocknocMoments
import KnocknocProtocol
import Logging
import NIOCore

extension AgentLoop {
    func handle(_ input: AgentInput) async {
        switch input {
        case .linkUp(let number, let link): await up(number, link)
        case .linkDown(let number): await down(number)
        case .frame(let number, let bytes): await frame(number, bytes)
        case .tick: await tick()
        case .applied: await takeApplied()
        case .disturbed(let disturbance): await disturbed(disturbance)
        case .written(let result): await written(result)
        case .stop: break
        }
    }

    private func up(_ number: Int, _ link: Link) async {
        self.link = (number, link)
        board.update { $0.server = link.server.description }
        await perform(machine.linkUp())
        guard let early, early.number == number else { return }
        self.early = nil
        for bytes in early.frames { await frame(number, bytes) }
    }

    private func down(_ number: Int) async {
        guard link?.number == number else { return }
        link = nil
        nextHeartbeat = nil
        board.update { $0.node = nil }
        await perform(machine.linkDown())
    }

    private func frame(_ number: Int, _ bytes: ByteBuffer) async {
        guard let link, link.number == number else {
            // The server may speak before the dialer has said that the link stands.
            if number > (self.link?.number ?? 0) {
                early = (number, (early?.number == number ? early?.frames ?? [] : []) + [bytes])
            }
            return
        }
        do throws(ProtocolError) {
            let message = try Codec.decodeServer(bytes.readableBytesView)
            await received(message, link.link)
        } catch  where error.code == .unknownType {
            logger.info("\(error.message) was left out: the server is newer than this agent")
        } catch {
            link.link.close("the server cannot be understood: \(error.message)")
        }
    }

    private func received(_ message: ServerMessage, _ link: Link) async {
        switch message {
        case .challenge(let challenge):
            if let id = configuration.id, id != challenge.agent {
                return link.close(
                    "the server takes this agent for \(challenge.agent), but ID is \(id): is it another's token?",
                    pause: 30_000)
            }
            board.update { $0.agent = challenge.agent.description }
        case .welcome(let welcome):
            let interval = min(60_000, max(500, welcome.heartbeat))
            nextHeartbeat = clocks.boot().adding(milliseconds: interval)
            board.update { $0.node = welcome.node }
            logger.info(
                "linked",
                metadata: ["server": "\(link.server)", "node": "\(welcome.node)", "version": "\(welcome.version)"])
        case .heartbeat(let reply): heard(reply, link)
        case .nodes(let nodes): servers.spread = nodes.spread
        case .changes: Moment.reach(.frameTaken)
        default: break
        }
        let known = machine.endpoints
        await perform(machine.received(message, now: stamp))
        if machine.endpoints != known { learn() }
        if machine.isSynced {
            isBlind = false
            let now = clocks.wall().description
            board.update { $0.lastSync = now }
        }
    }

    /// Where else to dial, as far as this machine's own file allows it.
    private func learn() {
        let refused = servers.learn(machine.endpoints)
        guard !refused.isEmpty else { return }
        logger.notice(
            "the server names web nodes that ServerURL, ServerHosts and TLSFingerprint do not allow: they are not dialed",
            metadata: ["nodes": "\(refused.joined(separator: " "))"])
    }

    /// A node that has lost its database is left for another one; when all have, it is stayed with.
    private func heard(_ reply: ServerMessage.HeartbeatReply, _ link: Link) {
        guard reply.databaseAge > 10_000 else {
            staleServers = []
            return
        }
        staleServers.insert(link.server)
        if staleServers.count < servers.all.count {
            link.close("the node has not heard from its database for \(reply.databaseAge / 1000) s")
        }
    }

    private func tick() async {
        timer = nil
        let now = stamp
        let jump = now.time.milliseconds - clocks.monotonic() - offset
        offset += jump
        if jump > Self.suspendJump {
            logger.notice("this machine was suspended; everything is applied again", metadata: ["ms": "\(jump)"])
            // Kernel timeouts stood still: what ended meanwhile goes first, and what nobody knows the end of with it.
            isBlind = false
            await perform(machine.tick(now: now))
            await perform(machine.reconcile(now: now))
            nextCheck = now.time.adding(milliseconds: Self.checkInterval)
        } else {
            await perform(machine.tick(now: now))
        }
        if let due = nextHeartbeat, due <= now.time {
            nextHeartbeat = now.time.adding(milliseconds: min(60_000, max(500, machine.heartbeatInterval ?? 5000)))
            await perform(machine.heartbeat(now: stamp))
        }
        if nextCheck <= now.time || nextReconcile.map({ $0 <= now.time }) ?? false { await reconcile() }
        if nextFetches <= now.time { tellFetches(at: now.time) }
        if nextStamp <= now.time {
            nextStamp = now.time.adding(milliseconds: Self.stampInterval)
            // The stamp is there for entries: without any it has nothing to bound.
            if !machine.entries.isEmpty { writeDue = now.time }
        }
    }

    private func disturbed(_ disturbance: Disturbance) async {
        if disturbance == .guardRestored {
            logger.warning("somebody removed the guards' table; it was restored")
            return await reconcile()
        }
        // Somebody who changes the ruleset in a loop does not keep the agent from its work.
        let now = clocks.boot()
        nextReconcile = nextReconcile ?? now.adding(milliseconds: 20)
    }

    private func reconcile() async {
        nextReconcile = nil
        nextCheck = clocks.boot().adding(milliseconds: Self.checkInterval)
        guard !isBlind else { return }
        await perform(machine.reconcile(now: stamp))
    }
}
