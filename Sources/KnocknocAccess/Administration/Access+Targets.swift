public import KnocknocModel
import KnocknocProtocol
import KnocknocStore

extension Access {
    /// The targets of an agent, those that no Knoc uses any more among them.
    public func targets(of agent: AgentID) async throws -> [TargetStatus] {
        try await database.run(TargetTable.of(agent)).map(target)
    }

    /// The Knocs that use the targets of an agent, in the order of their names; a target that none uses has no entry.
    public func knocs(ofTargetsOf agent: AgentID) async throws -> [TargetID: [KnocName]] {
        var knocs: [TargetID: [KnocName]] = [:]
        for row in try await database.run(TargetTable.users(ofTargetsOf: agent)) {
            let knoc = KnocName(id: try row.identifier("id"), name: try row.text("name"))
            knocs[try row.identifier("target_id"), default: []].append(knoc)
        }
        return knocs
    }

    /// What each of these agents is to enforce.
    public func targetsInUse(of agents: [AgentID]) async throws -> [AgentID: [TargetStatus]] {
        guard !agents.isEmpty else { return [:] }
        let targets = try await database.run(TargetTable.inUse(agents)).joined().map(target)
        return Dictionary(grouping: targets, by: \.agentID)
    }

    /// Ends the trial of a guard that has taken effect: that this request came through proves that the guard did not
    /// lock its administrator out.
    ///
    /// - Throws: ``AccessError``: not found; invalid where the guard is not in force.
    public func confirmGuard(_ id: TargetID, by actor: Actor, _ context: RequestContext) async throws {
        try await write { tx in
            guard let row = try await tx.run(TargetTable.one(id)).first else { throw Access.none("target", id) }
            let status = try target(row)
            guard !status.confirmed else { return ((), Effects()) }
            let applied = try row.integer("applied_revision") >= row.integer("revision")
            guard status.purpose == .enforce, applied, status.trial?.state == .started,
                let trial = try row.optional("trial", row.text)
            else {
                let reverted = status.trial?.state == .reverted
                throw AccessError(
                    .invalid,
                    reverted
                        ? "the trial ran out and the port is as it was before; save the Knoc to start another one"
                        : "\(status.agentName) has not said yet that the guard is in force",
                    field: "confirmed")
            }
            let now = late
            let line = AuditLine(
                "target.confirm", by: actor, ("target", id.description, status.backend.targetKey),
                ["agent": status.agentName])
            let confirmed = try await tx.run(bump([status.agentID]) + [TargetTable.confirm(id, trial: trial)]).last
            guard confirmed?.isEmpty == false else {
                throw AccessError(
                    .invalid, "the trial has just ended or begun anew on \(status.agentName); look again",
                    field: "confirmed")
            }
            try await tx.run([try audit(line, at: now, context)] + note([status.agentID], at: now))
            return ((), Effects(agents: [status.agentID]))
        }
    }

    /// Takes away a guard that no Knoc uses any more: its ports open to everybody.
    ///
    /// - Throws: ``AccessError``: not found; invalid where it is no guard or a Knoc uses it.
    public func unguard(_ id: TargetID, by actor: Actor, _ context: RequestContext) async throws {
        try await write { tx in
            guard let known = try await tx.run(TargetTable.one(id)).first else { throw Access.none("target", id) }
            guard try known.text("purpose") != TargetDefinition.Purpose.unguard.rawValue else {
                return ((), Effects())
            }
            // Whoever gives the guard to a Knoc bumps the agent first: what is read from here on stays true.
            try await tx.run(bump([try known.identifier("agent_id")]))
            guard let row = try await tx.run(TargetTable.one(id)).first else { throw Access.none("target", id) }
            let status = try target(row)
            guard case .nftablesGuard(let guarded) = status.backend else {
                throw AccessError(.invalid, "only a guard can be taken away", field: "target")
            }
            if let name = try row.optional("used_by", row.text) {
                throw AccessError(.invalid, "the Knoc \"\(name)\" uses this guard; remove it there first")
            }
            let now = late
            let ports = guarded.ports.map(String.init).joined(separator: " ")
            let line = AuditLine(
                "target.unguard", by: actor, ("target", id.description, status.backend.targetKey),
                [
                    "agent": status.agentName, "ports": ports, "protocol": guarded.protocol.rawValue,
                    "consequence": "open to everybody unless another rule drops it",
                ])
            let changed = try await tx.run(TargetTable.unguard(id))
            guard !changed.isEmpty else {
                throw AccessError(.invalid, "this guard was taken up or taken away at the same moment; look again")
            }
            try await tx.run([try audit(line, at: now, context)] + note([status.agentID], at: now))
            return ((), Effects(agents: [status.agentID]))
        }
    }

    func target(_ row: Row) throws -> TargetStatus {
        TargetStatus(
            id: try row.identifier("id"), agentID: try row.identifier("agent_id"),
            agentName: try row.text("agent_name"),
            backend: try JSON.closing(try row.text("backend")).backend.asGiven,
            purpose: TargetDefinition.Purpose(rawValue: try row.text("purpose")) ?? .enforce,
            confirmed: try row.bool("confirmed"), outcome: Outcome(rawValue: try row.text("outcome")) ?? .pending,
            reason: try row.optional("reason", row.text),
            trial: try row.optional("trial", row.text).map { try JSON.value($0, as: AgentMessage.Trial.self) })
    }
}
