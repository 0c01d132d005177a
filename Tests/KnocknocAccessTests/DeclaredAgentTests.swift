import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("agents that a node's files declare")
struct DeclaredAgentTests {
    private static let tokens = (0..<3).map { "\($0)" + String(repeating: "t", count: 43) }

    private func declared(_ name: String, zone: String? = nil, token: Int = 0) -> DeclaredAgent {
        DeclaredAgent(name: name, zone: zone, tokenHash: Secret.hash(Self.tokens[token]))
    }

    /// A node that lives, as its presence says.
    private func start(_ world: World, _ name: String) async throws -> Access {
        let node = try WebNode(name: name, version: "1", engine: .sqlite)
        try await world.write(NodeTable.note(node))
        return Access(
            database: world.database, hasher: world.access.hasher, node: name, options: AccessOptions(),
            logger: World.logger)
    }

    private func code(_ body: () async throws -> Void) async -> AccessError.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? AccessError)?.code }
    }

    @Test("one is made with its token, once, and changes in the file only", arguments: Driver.available)
    func made(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let node = try await start(world, "web-1")
            for _ in 1...2 { try await node.declareAgents([declared("gw1", zone: "eu")]) }
            let agents = try await node.listAgents()
            let agent = try #require(agents.first)
            #expect(agents.count == 1 && agent.name == "gw1" && agent.zone == "eu" && agent.declaredBy == "web-1")
            #expect(try await node.admit(token: Self.tokens[0], LinkCaller(address: nil))?.agent == agent.id)
            #expect(try await world.actions().filter { $0.hasPrefix("agent.") } == ["agent.create"])

            var patch = AgentPatch()
            patch.zone = .set("us")
            let zone = patch
            #expect(
                await code { _ = try await node.updateAgent(agent.id, zone, by: world.root, world.context()) }
                    == .declared)
            #expect(await code { try await node.deleteAgent(agent.id, by: world.root, world.context()) } == .declared)
            #expect(
                await code { _ = try await node.rotateToken(of: agent.id, by: world.root, world.context()) }
                    == .declared)
            var disabling = AgentPatch()
            disabling.disabled = true
            _ = try await node.updateAgent(agent.id, disabling, by: world.root, world.context())
            try await node.declareAgents([declared("gw1", zone: "eu")])
            #expect(try await node.agent(agent.id).disabled, "the file says nothing of that")
        }
    }

    @Test(
        "another zone or token in the file counts from the next start; the old token for ten minutes",
        arguments: Driver.available)
    func changed(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let node = try await start(world, "web-1")
            try await node.declareAgents([declared("gw1")])
            let id = try #require(try await node.listAgents().first).id
            try await node.declareAgents([declared("GW1", zone: "eu", token: 1)])
            let agent = try await node.agent(id)
            #expect(agent.name == "GW1" && agent.zone == "eu")
            for token in Self.tokens.prefix(2) {
                #expect(try await world.access.admit(token: token, LinkCaller(address: nil))?.agent == id)
            }
            let line = try #require(try await world.access.listAudit().first { $0.action == "agent.update" })
            #expect(line.details["changed"] == "name zone token")
            world.clock.advance(seconds: 601)
            #expect(try await world.access.admit(token: Self.tokens[0], LinkCaller(address: nil)) == nil)
            #expect(try await world.access.admit(token: Self.tokens[1], LinkCaller(address: nil))?.agent == id)
        }
    }

    @Test("one whose file is gone, or whose node is, stays and is everybody's again", arguments: Driver.available)
    func gone(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let node = try await start(world, "web-1")
            let other = try await start(world, "web-2")
            try await node.declareAgents([declared("gw1"), declared("gw2", token: 1)])
            try await other.declareAgents([])
            #expect(
                try await node.listAgents().map(\.declaredBy) == ["web-1", "web-1"],
                "what another node's files say stands")
            try await node.declareAgents([declared("gw2", token: 1)])
            let agents = try await node.listAgents()
            #expect(agents.map(\.name) == ["gw1", "gw2"] && agents.map(\.declaredBy) == [nil, "web-1"])
            try await world.write(Statement("delete from nodes"))
            let last = try await node.listAgents()[1]
            #expect(last.declaredBy == nil)
            try await node.deleteAgent(last.id, by: world.root, world.context())
        }
    }

    @Test("what cannot be is left out, and the rest is made", arguments: Driver.available)
    func leftOut(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let node = try await start(world, "web-1")
            _ = try await node.embeddedAgent(named: "local")
            try await node.declareAgents([
                declared("local", token: 2), declared(" ", token: 2), declared("gw1"), declared("gw2"),
                declared("gw3", token: 1),
            ])
            #expect(try await node.listAgents().map(\.name) == ["local", "gw1", "gw3"])
            #expect(try await node.agent(called: "local").declaredBy == nil)
        }
    }

    @Test("one that was made in the pages becomes the file's, with all that it has", arguments: Driver.available)
    func adopted(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let node = try await start(world, "web-1")
            let draft = AgentDraft(name: "gw1", zone: "us", token: Self.tokens[1])
            let made = try await node.createAgent(draft, by: world.root, world.context()).agent
            try await node.declareAgents([declared("gw1", zone: "eu")])
            let agent = try await node.agent(made.id)
            #expect(agent.declaredBy == "web-1" && agent.zone == "eu")
        }
    }
}
