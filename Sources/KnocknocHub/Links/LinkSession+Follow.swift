import KnocknocModel
import KnocknocProtocol
import Logging

extension LinkSession {
    /// Drives the machine until the link ends. Reads of the store run beside it, so that a slow one delays nothing else.
    ///
    /// - Parameter turn: ends with the first of them.
    func follow(
        _ machine: inout LinkMachine, _ link: Link, _ inputs: inout AsyncStream<LinkInput>.Iterator,
        _ hello: AgentMessage.Hello, _ turn: Turnstile.Turn
    ) async throws {
        let heartbeat = hub.options.heartbeat.components
        let welcome = ServerMessage.Welcome(
            linkEpoch: machine.linkEpoch, node: hub.node,
            heartbeat: heartbeat.seconds * 1000 + heartbeat.attoseconds / 1_000_000_000_000_000,
            version: hub.options.version)
        logger.info(
            "An agent is linked.",
            metadata: [
                "version": "\(hello.version)", "machine": "\(hello.machine)", "instance": "\(hello.instance)",
                "protocol": "\(Codec.agreed(with: (hello.protocolMin, hello.protocolMax)) ?? 0)",
            ])
        var driver = LinkDriver(session: self, link: link, turn: turn)
        defer { driver.stop() }
        guard try await driver.perform(machine.start(welcome: welcome)) else { return }
        let nodes = hub.nodes
        if nodes != .init(endpoints: [], spread: 0) {
            guard try await driver.perform([.send(.nodes(nodes))]) else { return }
        }
        while let input = await inputs.next() {
            guard try await driver.perform(effects(of: input, &machine)) else { return }
            if machine.isSending { link.put(.written) }
        }
    }

    private func effects(of input: LinkInput, _ machine: inout LinkMachine) -> [LinkEffect] {
        switch input {
        case .message(.heartbeat(let stamp), let at):
            let age = hub.directory.databaseAge().components
            let milliseconds = age.seconds * 1000 + age.attoseconds / 1_000_000_000_000_000
            return machine.heartbeat(stamp, at: at, databaseAge: milliseconds)
        case .message(let message, _): return machine.received(message)
        case .wake: return machine.wake()
        case .stepped(let step): return machine.stepped(step)
        case .reconnected: return machine.reconnected()
        case .compare(let standing): return machine.compare(standing)
        case .fetched(let answer): return machine.fetched(answer)
        case .failed(let reason):
            logger.debug("An agent's stream could not be read.", metadata: ["error": "\(reason)"])
            machine.fetchFailed()
            return []
        case .replayed: return machine.replayed()
        case .written: return machine.written()
        case .ping(let ping): return [.send(.ping(ping))]
        case .nodes(let nodes): return [.send(.nodes(nodes))]
        case .close(let code, let text): return machine.close(code, text)
        }
    }
}
