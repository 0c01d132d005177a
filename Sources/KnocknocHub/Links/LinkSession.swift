import KnocknocModel
import KnocknocProtocol
import Logging
import NIOCore
import NIOWebSocket

/// One link from its first message to its last.
struct LinkSession: Sendable {
    let hub: Hub
    let agent: AgentID
    let host: String
    /// From where the agent comes.
    let address: IPAddress?
    /// SHA-256 of the token that it came with.
    let token: [UInt8]?
    let channel: any Channel
    let vitals: LinkVitals
    let writer: LinkWriter
    let logger: Logger

    /// How much may happen to a link that does not keep up.
    private static let backlog = 2048

    func run(_ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>) async throws {
        if let refusal = hub.refusal {
            return try await turnAway(.init(code: refusal.code, text: refusal.text), inbound)
        }
        let (stream, inbox) = AsyncStream.makeStream(
            of: LinkInput.self, bufferingPolicy: .bufferingOldest(Self.backlog))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { inbox.finish() }
                try await read(inbound, into: inbox)
            }
            group.addTask {
                defer { closeSoon() }
                try await talk(stream, inbox)
            }
            try await group.waitForAll()
        }
    }

    /// Tells an agent that is not wanted any more to let nobody in.
    func dismiss(_ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>) async throws {
        try await turnAway(.init(code: .revoked, text: "the agent was deleted or disabled"), inbound)
    }

    /// Says bye without having listened, and waits until the agent has read it and closes.
    private func turnAway(
        _ bye: ServerMessage.Bye, _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>
    ) async throws {
        closeSoon()
        try await end(bye)
        for try await _ in inbound {}
    }

    /// Reads messages and stamps them; ends with the connection.
    private func read(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>, into inbox: AsyncStream<LinkInput>.Continuation
    ) async throws {
        var assembler = MessageAssembler()
        for try await frame in inbound {
            vitals.hear()
            let at = hub.directory.estimatedNow()
            switch assembler.take(frame) {
            case nil: continue
            case .closed: return
            case .ping(let data): try await writer.pong(data)
            case .violation(let code, let text):
                logger.warning("An agent broke the protocol.", metadata: ["reason": "\(text)"])
                try await writer.close(code)
                return
            case .message(let bytes):
                let input: LinkInput
                do { input = .message(try Codec.decodeAgent(bytes), at: at) } catch {
                    // A newer agent may say more than this node knows.
                    if error.code == .unknownType {
                        logger.debug("An agent's message was ignored.", metadata: ["reason": "\(error)"])
                        continue
                    }
                    input = .close(.protocolError, error.message)
                }
                if case .dropped = inbox.yield(input) { return channel.close(promise: nil) }
            }
        }
    }

    /// The hello, then whatever happens.
    private func talk(_ stream: AsyncStream<LinkInput>, _ inbox: AsyncStream<LinkInput>.Continuation) async throws {
        let nonce = HelloCheck.nonce()
        let ours = Codec.protocols
        try await writer.send(
            .challenge(
                .init(agent: agent, nonce: nonce, protocolMin: ours.lowerBound, protocolMax: ours.upperBound)))
        let limit = channel.eventLoop.scheduleTask(in: TimeAmount(hub.options.hello)) { [channel] in
            channel.close(promise: nil)
        }
        var inputs = stream.makeAsyncIterator()
        let first = await inputs.next()
        limit.cancel()
        switch first {
        case nil: return
        case .message(.hello(let hello), let at):
            let turn = try await hub.turnstile.enter()
            if let refusal = hub.refusal { return try await end(.init(code: refusal.code, text: refusal.text)) }
            guard var machine = try await attach(hello, nonce: nonce, at: at) else { return }
            let link = Link(
                agent: agent, epoch: machine.linkEpoch, token: token, vitals: vitals, inbox: inbox, channel: channel)
            hub.registry.add(link)?.put(.close(.replaced, "another link of this agent took over"))
            defer { hub.registry.remove(link) }
            let ended: Result<Void, any Error>
            do { ended = .success(try await follow(&machine, link, &inputs, hello, turn)) } catch {
                ended = .failure(error)
            }
            // Also where this task is cancelled because the connection broke: who is not detached seems to be there still.
            let epoch = machine.linkEpoch
            try? await Task { try await hub.directory.detach(agent: agent, linkEpoch: epoch) }.value
            try ended.get()
        case .close(let code, let text)?: try await end(.init(code: code, text: text))
        default: try await end(.init(code: .protocolError, text: "the first message must be a hello"))
        }
    }

    /// - Returns: nil where the agent was refused, and told why.
    private func attach(_ hello: AgentMessage.Hello, nonce: String, at: Timestamp) async throws -> LinkMachine? {
        let ours = Codec.protocols
        guard Codec.agreed(with: (hello.protocolMin, hello.protocolMax)) != nil else {
            let text = "this node speaks protocol \(ours.lowerBound) to \(ours.upperBound)"
            try await end(.init(code: .unsupportedProtocol, text: text))
            return nil
        }
        if let fault = HelloCheck.fault(of: hello, nonce: nonce, agent: agent, host: host) {
            logger.warning("An agent's hello was refused.", metadata: ["reason": "\(fault)"])
            try await end(.init(code: .protocolError, text: fault))
            return nil
        }
        let result: AttachResult
        do { result = try await hub.directory.attach(agent: agent, hello: hello, node: hub.node, from: address) } catch
        {
            logger.warning("An agent could not be taken in.", metadata: ["error": "\(error)"])
            try await end(.init(code: .noDatabase, text: "the database does not answer"))
            return nil
        }
        switch result {
        case .accepted(let epoch): return LinkMachine(hello: hello, linkEpoch: epoch, at: at)
        case .duplicate:
            // Agents of every release know this word, and wait a while after it.
            let text = "another instance with this identity answers over its link; is its machine a copy?"
            try await end(.init(code: .replaced, text: text))
        case .revoked: try await end(.init(code: .revoked, text: "the agent was deleted or disabled"))
        case .keyChanged(let fingerprint):
            logger.warning("An agent came with another key.", metadata: ["fingerprint": "\(fingerprint)"])
            let text = "the key \(fingerprint) is not the pinned one; an administrator must approve it"
            try await end(.init(code: .keyChanged, text: text))
        }
        return nil
    }

    /// The last words; the agent closes on reading them.
    func end(_ bye: ServerMessage.Bye) async throws {
        logger.info("A link is ended.", metadata: ["code": "\(bye.code.rawValue)", "reason": "\(bye.text)"])
        try await writer.send(.bye(bye))
        try await writer.close(bye.code.closeCode)
    }

    #if DEBUG
        /// What was written is out once the loop has come round.
        func untilOut() async throws { try await channel.eventLoop.submit {}.get() }
    #endif

    /// Gives the agent time to read what was written last; closing at once could discard it (RFC 1122 §4.2.2.13).
    private func closeSoon() {
        channel.eventLoop.scheduleTask(in: TimeAmount(hub.options.farewell)) { [channel] in channel.close(promise: nil)
        }
    }
}
