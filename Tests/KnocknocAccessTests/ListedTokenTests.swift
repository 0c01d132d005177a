import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("tokens of the configuration")
struct ListedTokenTests {
    private static let token = "kna_" + String(repeating: "x", count: 43)
    private static let address = IPAddress("198.51.100.7")

    private var options: AccessOptions {
        var options = AccessOptions()
        options.agentTokens = [Secret.hash(Self.token)]
        return options
    }

    private func caller(_ id: AgentID? = nil, _ name: String? = nil) -> LinkCaller {
        LinkCaller(address: Self.address, id: id, name: name)
    }

    private func refusals(_ world: World) async throws -> [AuditRecord] {
        try await world.access.listAudit(limit: 1000).filter { $0.action == "agent.token_refused" }
    }

    @Test(
        "one belongs to the first agent that comes with it; another id is refused and audited",
        arguments: Driver.available)
    func bound(_ driver: Driver) async throws {
        try await World.with(driver, options) { world in
            let first = AgentID.new(at: SystemTime.now())
            let second = AgentID.new(at: SystemTime.now())
            let admitted = try await world.access.admit(token: Self.token, caller(first, "gw-7"))
            #expect(admitted == TokenHolder(agent: first, isRevoked: false, token: Secret.hash(Self.token)))
            let record = try await world.access.agent(first)
            #expect(record.name == "gw-7" && record.status == .pending)
            #expect(try await world.access.listAudit().first { $0.action == "agent.create" }?.address == Self.address)
            #expect(try await world.access.admit(token: Self.token, caller(first)) == admitted)
            #expect(try await world.access.admit(token: Self.token, caller()) == admitted, "its keys say who it is")
            #expect(try await refusals(world).isEmpty)
            #expect(try await world.access.admit(token: Self.token, caller(second)) == nil)
            let line = try #require(try await refusals(world).first)
            #expect(line.details["claims"] == second.description && line.subjectID == first.description)
            #expect(try await world.access.listAgents().count == 1)

            try await world.access.deleteAgent(first, by: world.root, world.context())
            #expect(try await world.access.admit(token: Self.token, caller(first))?.isRevoked == true)
            #expect(try await world.access.listAgents().isEmpty, "a deleted agent does not come back by its token")
        }
    }

    @Test("one that was rotated away makes no other agent, ten minutes later either", arguments: Driver.available)
    func rotated(_ driver: Driver) async throws {
        try await World.with(driver, options) { world in
            let agent = try #require(try await world.access.admit(token: Self.token, caller())).agent
            _ = try await world.access.rotateToken(of: agent, by: world.root, world.context())
            #expect(try await world.access.admit(token: Self.token, caller())?.agent == agent)
            world.clock.advance(seconds: 601)
            #expect(try await world.access.admit(token: Self.token, caller()) == nil)
            let line = try #require(try await refusals(world).first)
            #expect(line.subjectID == agent.description && line.details["reason"] == "the token was replaced")
            #expect(try await world.access.listAgents().count == 1)
        }
    }

    @Test(
        "an id that another agent has is not taken over, and a name that is taken gives way",
        arguments: Driver.available)
    func taken(_ driver: Driver) async throws {
        try await World.with(driver, options) { world in
            let other = try await world.agent("gw1")
            #expect(try await world.access.admit(token: Self.token, caller(other.id)) == nil)
            #expect(try await refusals(world).count == 1)
            let admitted = try #require(try await world.access.admit(token: Self.token, caller(nil, "GW1")))
            #expect(admitted.agent != other.id)
            #expect(try await world.access.agent(admitted.agent).name.contains("-"))
            #expect(try await world.access.holder(ofToken: other.token)?.agent == other.id)
        }
    }

    @Test(
        "an id that nobody makes is refused, and an agent that has one all the same is seen",
        arguments: Driver.available)
    func strangeIDs(_ driver: Driver) async throws {
        try await World.with(driver, options) { world in
            for id in [AgentID(value: 0), AgentID(value: 7), .server] {
                #expect(try await world.access.admit(token: Self.token, caller(id)) == nil)
            }
            #expect(try await refusals(world).first?.details["reason"] == "this is no id for an agent")
            #expect(try await world.access.listAgents().isEmpty)
            let now = world.database.estimatedNow()
            try await world.database.write(.new(at: now)) { tx in
                _ = try await tx.run(
                    AgentTable.insert(
                        AgentID(value: 7), name: "odd", key: "odd", zone: nil, embedded: false, token: [1],
                        change: "c", now: now))
            }
            #expect(try await world.access.listAgents().map(\.id) == [AgentID(value: 7)])
            #expect(try await world.access.listAgents(after: AgentID(value: 7)).isEmpty)
        }
    }

    @Test("a wrong token is audited once a minute at most, over all nodes", arguments: Driver.available)
    func wrong(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let second = world.secondNode()
            for _ in 0..<3 {
                #expect(try await world.access.admit(token: Self.token, caller()) == nil)
                #expect(try await second.admit(token: "another", caller()) == nil)
            }
            #expect(try await refusals(world).count == 1)
            #expect(try await refusals(world).first?.address == Self.address)
            world.clock.advance(seconds: 59)
            _ = try await world.access.admit(token: "wrong", caller())
            #expect(try await refusals(world).count == 1)
            world.clock.advance(seconds: 2)
            _ = try await second.admit(token: "wrong", caller())
            _ = try await world.access.admit(token: "wrong", caller())
            #expect(try await refusals(world).count == 2)
            #expect(try await world.access.listAgents().isEmpty)
        }
    }
}
