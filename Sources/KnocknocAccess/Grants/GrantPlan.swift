import KnocknocModel
import KnocknocStore

/// Grants to be made in one transaction: what was read, and the statements that write it.
struct GrantPlan: Sendable {
    struct Item: Sendable {
        var grant: GrantID
        var knoc: KnocID
        var knocName: String
        /// As the right was judged by; the write is void where it has moved on.
        var version: Int64
        /// From when on a duration counts, where that is not the moment of granting.
        var since: Timestamp?
        var until: Timestamp
        var targets: [Place]
    }

    /// Where a Knoc is enforced.
    struct Place: Sendable {
        var id: TargetID
        var agent: AgentID
        /// See ``Backend/ipv6Prefix``.
        var ipv6Prefix: Int?

        /// What stands for a client's address there.
        func entry(_ address: IPAddress) -> IPAddress { CIDR(address, ipv6Prefix: ipv6Prefix).address }
    }

    var user: UserID
    var session: SessionID
    var actor: Actor
    var context: RequestContext
    var address: IPAddress
    var origin: GrantOn
    var now: Timestamp
    var items: [Item] = []

    var agents: Set<AgentID> { Set(items.flatMap { $0.targets.map(\.agent) }) }

    var inserts: [Statement] {
        items.map {
            GrantTable.insert(
                $0.grant, user: user, session: session, knoc: $0.knoc, address: address, origin: origin,
                createdAt: $0.since ?? now, expiresAt: $0.until)
        }
    }

    /// To be run after the agents were bumped.
    func entries(_ newID: () -> EntryID) -> [Statement] {
        items.flatMap { item in
            item.targets.flatMap { target -> [Statement] in
                let address = target.entry(address)
                return [
                    EntryTable.forgetExpired(target: target.id, address: address, now: now),
                    EntryTable.open(newID(), target: target.id, address: address, expiresAt: item.until),
                    EntryTable.link(grant: item.grant, target: target.id, address: address),
                    EntryTable.enforce(agent: target.agent, target: target.id, address: address, now: now),
                ]
            }
        }
    }
}

/// A Knoc as rights to it were judged by.
private struct Judged: Hashable {
    var knoc: KnocID
    var version: Int64

    init(_ item: GrantPlan.Item) { (knoc, version) = (item.knoc, item.version) }
}

extension [GrantPlan] {
    var agents: Set<AgentID> { reduce(into: []) { $0.formUnion($1.agents) } }
    var users: Set<UserID> { Set(map(\.user)) }

    /// The Knocs' locks, in the order of their ids; each returns a row unless the Knoc has changed.
    var locks: [Statement] {
        let judged = Set(flatMap { $0.items.map(Judged.init) })
        return judged.sorted { ($0.knoc, $0.version) < ($1.knoc, $1.version) }
            .map { KnocTable.lock($0.knoc, version: $0.version) }
    }
}

/// The Knoc changed between the judging and the granting of a right: judge again.
struct KnocMoved: Error {}

extension Access {
    /// Everything of some plans in one batch: locks first, agents next to last, then what depends on them.
    func statements(_ plans: [GrantPlan], at now: Timestamp) throws -> [Statement] {
        var statements = plans.locks + plans.flatMap(\.inserts)
        for plan in plans {
            statements += try plan.items.map { item in
                try audit(
                    AuditLine(
                        "grant.create", by: plan.actor, ("knoc", item.knoc.description, item.knocName),
                        [
                            "grant": item.grant.description, "address": plan.address.description,
                            "origin": plan.origin.rawValue, "expires_at": item.until.description,
                        ]), at: plan.now, plan.context)
            }
        }
        statements += bump(plans.agents)
        statements += plans.flatMap { $0.entries { new(EntryID.self) } }
        statements += note(plans.agents, at: now)
        return statements
    }

    /// - Parameter results: of a batch that began with the plans' statements at `offset`.
    func checkLocks(_ plans: [GrantPlan], _ results: [[Row]], offset: Int = 0) throws {
        for index in plans.locks.indices where results[offset + index].isEmpty { throw KnocMoved() }
    }

    /// Runs a use case again where a Knoc moved under it.
    func untilStill<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        for _ in 0..<8 {
            do {
                return try await body()
            } catch is KnocMoved {
                continue
            } catch let error as StoreError where error.code == .foreignKey {
                // Deleted under it: the next reading says so.
                continue
            }
        }
        throw AccessError(.busy, "this Knoc is being changed right now; try again", retryAfter: 1)
    }

    /// Why nothing may be opened for an address where networks this long stand for it: there is somebody in one who is
    /// granted nothing.
    func refusal(_ address: IPAddress, prefixes: [Int?]) -> String? {
        let prefixes = Set(prefixes.compactMap(\.self))
        guard !prefixes.isEmpty else { return nil }
        let forwarders = options.trustedForwarders()
        for prefix in prefixes {
            let network = CIDR(address, ipv6Prefix: prefix)
            let reason = AddressRule.refusal(network: network, loopback: options.allInOne, forwarders: forwarders)
            if let reason { return reason }
        }
        return nil
    }

    func targets(_ rows: [Row], of knoc: KnocID) throws -> [GrantPlan.Place] {
        try rows.filter { try $0.identifier("knoc_id", as: KnocID.self) == knoc }
            .map { row in
                GrantPlan.Place(
                    id: try row.identifier("id"), agent: try row.identifier("agent_id"),
                    ipv6Prefix: try row.optional("ipv6_prefix", row.integer).map { Int($0) })
            }
    }
}
