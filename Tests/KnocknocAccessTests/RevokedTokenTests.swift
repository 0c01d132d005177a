import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("agents that are not wanted any more")
struct RevokedTokenTests {
    @Test("a disabled agent that was away may say hello, and is told", arguments: Driver.available)
    func disabled(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            #expect(try await world.access.holder(ofToken: agent.token)?.isRevoked == false)
            var patch = AgentPatch()
            patch.disabled = true
            _ = try await world.access.updateAgent(agent.id, patch, by: world.root, world.context())
            #expect(try await world.access.holder(ofToken: agent.token)?.isRevoked == true)
            #expect(try await world.access.attach(agent: agent.id, hello: FakeAgent.hello(), node: "a") == .revoked)
        }
    }

    @Test(
        "an agent that has only an earlier token is told too that it was disabled or deleted",
        arguments: Driver.available)
    func earlier(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            _ = try await world.access.rotateToken(of: agent.id, by: world.root, world.context())
            world.clock.advance(seconds: 601)
            let caller = LinkCaller(address: nil)
            #expect(try await world.access.admit(token: agent.token, caller) == nil)
            var patch = AgentPatch()
            patch.disabled = true
            _ = try await world.access.updateAgent(agent.id, patch, by: world.root, world.context())
            let told = TokenHolder(agent: agent.id, isRevoked: true, token: Secret.hash(agent.token))
            #expect(try await world.access.admit(token: agent.token, caller) == told)
            patch.disabled = false
            _ = try await world.access.updateAgent(agent.id, patch, by: world.root, world.context())
            #expect(try await world.access.admit(token: agent.token, caller) == nil)
            try await world.access.deleteAgent(agent.id, by: world.root, world.context())
            #expect(try await world.access.admit(token: agent.token, caller) == told)
        }
    }

    @Test("so may a deleted one, while a token that nobody ever had is nobody's", arguments: Driver.available)
    func deleted(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            try await world.access.deleteAgent(agent.id, by: world.root, world.context())
            #expect(try await world.access.agent(token: agent.token) == nil)
            #expect(try await world.access.holder(ofToken: agent.token)?.isRevoked == true)
            #expect(try await world.access.attach(agent: agent.id, hello: FakeAgent.hello(), node: "a") == .revoked)
            #expect(try await world.access.holder(ofToken: "nonsense") == nil)
        }
    }
}
