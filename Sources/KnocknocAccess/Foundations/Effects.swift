import KnocknocModel
import KnocknocMoments
import KnocknocProtocol
import KnocknocStore

/// Whom to tell after the commit.
struct Effects: Sendable {
    var agents: Set<AgentID> = []
    var users: Set<UserID> = []
    /// Whether what many users see may have changed: an administrator's edit.
    var everybody = false
    /// Of those agents whose stream the transaction moved once, and by nothing but these rows.
    var steps: [AgentID: StreamStep] = [:]

    mutating func merge(_ other: Effects) {
        // Two movements of one stream are no single step.
        let moved = agents.intersection(other.agents)
        steps.merge(other.steps) { one, _ in one }
        for agent in moved { steps[agent] = nil }
        agents.formUnion(other.agents)
        users.formUnion(other.users)
        everybody = everybody || other.everybody
    }
}

extension Access {
    /// One use case: a transaction, and after its commit the hints.
    func write<Result: Sendable>(
        _ options: WriteOptions = WriteOptions(), _ body: @Sendable (any Transaction) async throws -> (Result, Effects)
    ) async throws -> Result {
        let operation = OperationID.new(at: database.estimatedNow())
        let (result, effects) = try await database.write(operation, options) { tx in
            let made = try await body(tx)
            if !made.1.agents.isEmpty { Moment.reach(.beforeCommit) }
            return made
        }
        if !effects.agents.isEmpty { Moment.reach(.afterCommit) }
        announce(effects)
        return result
    }

    func announce(_ effects: Effects) {
        if effects.everybody { return database.announce(.everything) }
        let handed = Set(effects.steps.filter { steps.publish($0.key, $0.value) }.keys)
        let others = effects.agents.subtracting(handed)
        if !others.isEmpty { database.announce(.agents(others)) }
        if !handed.isEmpty { database.announceElsewhere(.agents(handed)) }
        if !effects.users.isEmpty { database.announce(.users(effects.users)) }
    }

    /// The database's time on its late side, without asking: to end things by, never to prolong them.
    var late: Timestamp { adjusted(database.estimatedNow()) }

    func adjusted(_ time: Timestamp) -> Timestamp {
        Timestamp(microseconds: time.microseconds + options.clockOffset())
    }

    func new<Subject>(_ type: Identifier<Subject>.Type = Identifier<Subject>.self) -> Identifier<Subject> {
        Identifier<Subject>.new(at: database.estimatedNow())
    }
}

extension Row {
    /// The database's time that the statement read beside its columns.
    func now(_ access: Access) throws -> Timestamp { access.adjusted(try timestamp("now")) }
}

extension Row {
    func identifierIfPresent<Subject>(
        _ name: String, as type: Identifier<Subject>.Type = Identifier<Subject>.self
    ) throws -> Identifier<Subject>? {
        try isNull(name) ? nil : try identifier(name, as: type)
    }
}
