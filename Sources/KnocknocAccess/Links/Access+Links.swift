public import KnocknocModel
public import KnocknocProtocol
import KnocknocStore
import Logging

extension Access {
    /// The enabled agent with this token; nil where there is none.
    public func agent(token: String) async throws -> AgentID? {
        guard let holder = try await holder(ofToken: token), !holder.isRevoked else { return nil }
        return holder.agent
    }

    /// Takes an agent in: pins its keys at first contact, compares them later, and voids what older links write.
    /// Whoever calls has checked that the hello is signed by the key that it names.
    /// Another instance than the one whose link stands is asked for over that link first, and refused if that answers.
    ///
    /// - Parameter address: from where it comes.
    public func attach(
        agent: AgentID, hello: AgentMessage.Hello, node: String, from address: IPAddress? = nil
    ) async throws -> Attachment {
        if try await isTwin(of: agent, hello, from: address) { return .duplicate }
        let attached: (Attachment, twin: String?) = try await write { tx in
            guard var row = try await tx.run(LinkTable.keys(agent)).first, try !row.bool("disabled") else {
                return ((.revoked, nil), Effects())
            }
            let now = late
            let actor = Actor.agent(agent, name: try row.text("name"))
            var statements: [Statement] = []
            var isPinned = try !row.isNull("signing_key")
            if !isPinned {
                let pin = LinkTable.pin(agent, signingKey: hello.signingKey, sealingKey: hello.sealingKey)
                if try await tx.run(pin).isEmpty {
                    // Somebody else was first at the same moment: then this is no first contact.
                    guard let moved = try await tx.run(LinkTable.keys(agent)).first, try !moved.bool("disabled")
                    else { return ((.revoked, nil), Effects()) }
                    row = moved
                    isPinned = true
                }
            }
            if isPinned {
                let signing = try row.optional("signing_key", row.text)
                let sealing = try row.optional("sealing_key", row.text)
                guard signing == hello.signingKey, sealing == hello.sealingKey else {
                    return ((try await refuse(hello, row, actor, at: now, tx), nil), Effects())
                }
            } else {
                let print = Secret.fingerprint(signing: hello.signingKey, sealing: hello.sealingKey) ?? "unreadable"
                let line = AuditLine("agent.pin_key", by: actor, nil, ["fingerprint": print])
                statements.append(try audit(line, at: now, nil))
            }
            statements.append(
                try audit(
                    AuditLine("agent.connect", by: actor, nil, ["node": node, "version": hello.version]), at: now, nil))
            statements.append(
                LinkTable.attach(
                    agent,
                    LinkTable.Newcomer(
                        instance: hello.instance, software: hello.version, machine: hello.machine,
                        system: hello.system, capabilities: try JSON.text(hello.capabilities),
                        protocolMax: Int64(hello.protocolMax), address: address?.description),
                    node: node, now: now))
            guard let link = try await tx.run(statements).last?.first else {
                throw StoreError(.decoding, "the link's epoch is missing")
            }
            let twin = try link.bool("duplicate") ? try row.text("name") : nil
            return (
                (.accepted(epoch: try link.integer("epoch")), twin), Effects(users: try await users(of: agent, tx))
            )
        }
        if let name = attached.twin { await auditDuplicate(agent, name, from: address) }
        if case .accepted = attached.0 {
            // The link stands whatever comes of this; the next one says it again.
            do { try await noteZone(of: agent, hello) } catch {
                logger.warning("an agent's zone could not be noted", metadata: ["error": "\(error)"])
            }
        }
        return attached.0
    }

    /// Whether the standing link's instance is another one than this, and lives. An agent that was started anew finds its
    /// link closed, or silent.
    private func isTwin(
        of agent: AgentID, _ hello: AgentMessage.Hello, from address: IPAddress?
    ) async throws -> Bool {
        guard let row = try await database.run(LinkTable.standing(agent)).first, try !row.bool("disabled"),
            try row.isNull("closed_at"), try row.text("instance") != hello.instance,
            // Whoever has another key is refused for that.
            try row.optional("signing_key", row.text) == hello.signingKey,
            try row.optional("sealing_key", row.text) == hello.sealingKey,
            late.milliseconds(since: try row.timestamp("last_seen_at")) <= AgentStatusRule.offline * 1000,
            case .some = try await ask(agent, within: options.duplicatePatience)
        else { return false }
        try await write { tx in
            try await tx.run([LinkTable.noteDuplicate(agent, address: address?.description, at: late)])
            return ((), Effects())
        }
        await auditDuplicate(agent, try row.text("name"), from: address)
        return true
    }

    private func auditDuplicate(_ agent: AgentID, _ name: String, from address: IPAddress?) async {
        let words = "duplicate agent id from \(address.map(\.description) ?? "an unknown address")"
        logger.warning("\(words)", metadata: ["agent": "\(agent)"])
        let line = AuditLine(
            "agent.duplicate", by: .system, ("agent", agent.description, name), ["reason": words])
        await auditSparingly("agent.duplicate \(agent)", line, from: address)
    }

    private func refuse(
        _ hello: AgentMessage.Hello, _ row: Row, _ actor: Actor, at now: Timestamp, _ tx: any Transaction
    ) async throws -> Attachment {
        let print = Secret.fingerprint(signing: hello.signingKey, sealing: hello.sealingKey) ?? "unreadable"
        let known = try row.optional("offered_signing_key", row.text) == hello.signingKey
        if !known, case .agent(let agent, _) = actor {
            try await tx.run([
                LinkTable.offer(agent, signingKey: hello.signingKey, sealingKey: hello.sealingKey),
                try audit(AuditLine("agent.key_refused", by: actor, nil, ["fingerprint": print]), at: now, nil),
            ])
        }
        return .keyChanged(fingerprint: print)
    }

    /// This agent's link of that epoch is gone.
    public func detach(agent: AgentID, linkEpoch: Int64) async throws {
        try await write { tx in
            let now = late
            guard let ended = try await tx.run(LinkTable.detach(agent, epoch: linkEpoch, now: now)).first else {
                return ((), Effects())
            }
            let actor = Actor.agent(agent, name: try ended.optional("name", ended.text) ?? "")
            try await tx.run([try audit(AuditLine("agent.disconnect", by: actor, nil, ["node": node]), at: now, nil)])
            return ((), Effects(users: try await users(of: agent, tx)))
        }
    }

    /// Users whose access this agent opens: what they see depends on its link.
    private func users(of agent: AgentID, _ tx: any Transaction) async throws -> Set<UserID> {
        Set(try await tx.run(ReportTable.users(ofAgent: agent)).map { try $0.identifier("user_id", as: UserID.self) })
    }

    /// These agents were heard of over their links to this node, which have these epochs.
    public func presence(_ links: [AgentID: Int64], node: String) async throws {
        guard !links.isEmpty else { return }
        try await write(WriteOptions(durability: .hasty)) { tx in
            let rows = links.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            try await tx.run(LinkTable.presence(rows, node: node, now: late))
            return ((), Effects())
        }
    }

    /// How each agent stands; those that were deleted or disabled are left out: their links end.
    public func standings(of agents: [AgentID]) async throws -> [AgentID: LinkStanding] {
        var standings: [AgentID: LinkStanding] = [:]
        var overlaps = false
        for row in try await database.run(LinkTable.standings(agents, now: late)).joined() {
            let position = Position(
                epoch: try row.text("epoch"), revision: try row.integer("revision"),
                change: try row.text("change_id"))
            let unreported = [
                try row.optional("unreported_entry", row.integer), try row.optional("unreported_target", row.integer),
            ].compactMap(\.self).min()
            overlaps = try overlaps || row.bool("overlaps")
            standings[try row.identifier("id")] = LinkStanding(
                position: position, linkEpoch: try row.integer("link_epoch"), unreported: unreported,
                tokens: try row.optional("token_hash", row.blob).map { [$0] })
        }
        guard overlaps else { return standings }
        for row in try await database.run(RevokedTokenTable.counting(since: overlap(at: late))) {
            standings[try row.identifier("agent_id")]?.tokens?.append(try row.blob("token_hash"))
        }
        return standings
    }
}
