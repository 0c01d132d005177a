public import KnocknocModel
public import KnocknocProtocol
import KnocknocStore

extension Access {
    /// The enabled agent with this token; nil where there is none.
    public func agent(token: String) async throws -> AgentID? {
        try await database.run(LinkTable.agent(token: Secret.hash(token), at: late)).first?.identifier("id")
    }

    /// Takes an agent in: pins its keys at first contact, compares them later, and voids what older links write.
    /// Whoever calls has checked that the hello is signed by the key that it names.
    public func attach(agent: AgentID, hello: AgentMessage.Hello, node: String) async throws -> Attachment {
        try await write { tx in
            guard var row = try await tx.run(LinkTable.keys(agent)).first, try !row.bool("disabled") else {
                return (.revoked, Effects())
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
                    else { return (.revoked, Effects()) }
                    row = moved
                    isPinned = true
                }
            }
            if isPinned {
                let signing = try row.optional("signing_key", row.text)
                let sealing = try row.optional("sealing_key", row.text)
                guard signing == hello.signingKey, sealing == hello.sealingKey else {
                    return (try await refuse(hello, row, actor, at: now, tx), Effects())
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
                    agent, instance: hello.instance, node: node, software: hello.version, machine: hello.machine,
                    system: hello.system, capabilities: try JSON.text(hello.capabilities), now: now))
            guard let epoch = try await tx.run(statements).last?.first else {
                throw StoreError(.decoding, "the link's epoch is missing")
            }
            return (.accepted(epoch: try epoch.integer("epoch")), Effects(users: try await users(of: agent, tx)))
        }
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
            let ended = try await tx.run(LinkTable.detach(agent, epoch: linkEpoch, now: late))
            guard !ended.isEmpty else {
                return ((), Effects())
            }
            return ((), Effects(users: try await users(of: agent, tx)))
        }
    }

    /// Users whose access this agent opens: what they see depends on its link.
    private func users(of agent: AgentID, _ tx: any Transaction) async throws -> Set<UserID> {
        Set(try await tx.run(ReportTable.users(ofAgent: agent)).map { try $0.identifier("user_id", as: UserID.self) })
    }

    /// These agents are linked to this node now.
    public func presence(_ agents: [AgentID], node: String) async throws {
        guard !agents.isEmpty else { return }
        try await write { tx in
            try await tx.run(LinkTable.presence(agents.sorted(), node: node, now: late))
            return ((), Effects())
        }
    }

    /// How each agent stands; those that were deleted or disabled are left out: their links end.
    public func standings(of agents: [AgentID]) async throws -> [AgentID: LinkStanding] {
        var standings: [AgentID: LinkStanding] = [:]
        for row in try await database.run(LinkTable.standings(agents)).joined() {
            let position = Position(
                epoch: try row.text("epoch"), revision: try row.integer("revision"),
                change: try row.text("change_id"))
            let unreported = [
                try row.optional("unreported_entry", row.integer), try row.optional("unreported_target", row.integer),
            ].compactMap(\.self).min()
            standings[try row.identifier("id")] = LinkStanding(
                position: position, linkEpoch: try row.integer("link_epoch"), unreported: unreported)
        }
        return standings
    }
}
