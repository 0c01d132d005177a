import KnocknocModel
import KnocknocStore
import Logging

/// An agent as a file of a web node declares it.
public struct DeclaredAgent: Hashable, Sendable {
    public var name: String
    public var zone: String?
    /// SHA-256 of its token.
    public var tokenHash: [UInt8]

    public init(name: String, zone: String? = nil, tokenHash: [UInt8]) {
        self.name = name
        self.zone = zone
        self.tokenHash = tokenHash
    }
}

extension Access {
    /// Makes agents what this node's files declare, and lets those go, with everything that they have, that its files
    /// declared before and declare no more. What cannot be, such as the token of another agent, is logged and left out:
    /// one line must not keep a node from starting.
    ///
    /// - Throws: ``StoreError`` where the database does not answer.
    public func declareAgents(_ declared: [DeclaredAgent]) async throws {
        var keys: Set<String> = []
        for agent in declared {
            keys.insert(NameRule.key(agent.name))
            do { try await declareOnce(agent) } catch let error as AccessError {
                logger.error(
                    "An agent of AgentsDir is left out.", metadata: ["agent": "\(agent.name)", "reason": "\(error)"])
            } catch let error as StoreError where error.code == .unique {
                logger.error(
                    "An agent of AgentsDir is left out.",
                    metadata: ["agent": "\(agent.name)", "reason": "its token is another agent's"])
            }
        }
        let kept = keys
        try await write { tx in
            let now = late
            for row in try await tx.run(AgentTable.declared(by: node)) {
                let (id, name) = (try row.identifier("id", as: AgentID.self), try row.text("name"))
                guard !kept.contains(NameRule.key(name)) else { continue }
                try await tx.run([
                    AgentTable.undeclare(id, by: node, now: now),
                    try audit(
                        AuditLine(
                            "agent.update", by: .system, ("agent", id.description, name),
                            Access.fields([("declared_by", true)])),
                        at: now, nil),
                ])
            }
            return ((), Effects())
        }
        if !declared.isEmpty { await followZones() }
    }

    /// Another node may declare the same agent at this moment.
    private func declareOnce(_ wanted: DeclaredAgent) async throws {
        do { try await declare(wanted) } catch let error as StoreError
            where error.code == .unique && error.constraint?.contains("name_key") == true
        {
            try await declare(wanted)
        }
    }

    private func declare(_ wanted: DeclaredAgent) async throws {
        let (name, key) = try checkedName(wanted.name, what: "an agent")
        let zone = try wanted.zone.map { try checkedZone($0) }
        try await write { tx in
            let now = late
            guard let row = try await tx.run(AgentTable.declared(key: key)).first else {
                let id = try await insertAgent(
                    name, key, zone: zone, embedded: false, token: wanted.tokenHash, at: now, by: .system, nil, tx)
                try await tx.run(AgentTable.declare(id, name: name, zone: zone, by: node, now: now))
                return ((), Effects())
            }
            guard try !row.bool("embedded") else {
                throw AccessError(.invalid, "that is the name of an all-in-one's own agent", field: "name")
            }
            let id: AgentID = try row.identifier("id")
            let hasNewToken = try row.optional("token_hash", row.blob) != wanted.tokenHash
            let changes = Access.fields([
                ("name", try row.text("name") != name), ("zone", try row.optional("zone", row.text) != zone),
                ("token", hasNewToken), ("declared_by", try row.optional("declared_by", row.text) != node),
            ])
            guard !changes.isEmpty else { return ((), Effects()) }
            if hasNewToken {
                try await tx.run([
                    RevokedTokenTable.keep(id, at: now),
                    AgentTable.rotate(
                        id, token: wanted.tokenHash, until: now.adding(seconds: Self.tokenOverlap), now: now),
                ])
            }
            try await tx.run([
                AgentTable.declare(id, name: name, zone: zone, by: node, now: now),
                try audit(
                    AuditLine("agent.update", by: .system, ("agent", id.description, name), changes), at: now, nil),
            ])
            return ((), Effects())
        }
    }

    /// - Throws: ``AccessError`` declared: whoever changed it here would see it changed back.
    static func refuseDeclared(_ agent: AgentRecord) throws(AccessError) {
        guard let node = agent.declaredBy else { return }
        throw AccessError(
            .declared,
            "\(agent.name) is declared by a file in AgentsDir of web node \(node): change or remove it there, and restart "
                + "that node")
    }
}
