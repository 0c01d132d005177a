import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("agents' tokens")
struct AgentTokenTests {
    @Test(
        "a token that was rotated counts for ten minutes more, and is its agent's when that is deleted",
        arguments: Driver.available)
    func rotate(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            let new = try await world.access.rotateToken(of: agent.id, by: world.root, world.context()).token
            #expect(new != agent.token)
            for token in [agent.token, new] {
                #expect(try await world.access.agent(token: token) == agent.id)
                let holder = try await world.access.holder(ofToken: token)
                #expect(holder == .init(agent: agent.id, isRevoked: false, token: Secret.hash(token)))
            }
            #expect(try await world.actions().contains("agent.rotate_token"))
            world.clock.advance(seconds: 599)
            #expect(try await world.access.agent(token: agent.token) == agent.id)
            world.clock.advance(seconds: 2)
            #expect(try await world.access.agent(token: agent.token) == nil)
            #expect(try await world.access.holder(ofToken: agent.token) == nil)
            #expect(try await world.access.holder(ofToken: new)?.agent == agent.id)

            let third = try await world.access.rotateToken(of: agent.id, by: world.root, world.context()).token
            try await world.access.deleteAgent(agent.id, by: world.root, world.context())
            for token in [new, third] {
                #expect(try await world.access.holder(ofToken: token)?.isRevoked == true)
            }
        }
    }

    @Test("a link counts with its token for ten minutes more, and not longer", arguments: Driver.available)
    func links(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            func tokens() async throws -> [[UInt8]]? {
                try await world.access.standings(of: [agent.id])[agent.id]?.tokens
            }
            #expect(try await tokens() == nil)
            let new = try await world.access.rotateToken(of: agent.id, by: world.root, world.context()).token
            #expect(try await tokens() == [Secret.hash(new), Secret.hash(agent.token)])
            world.clock.advance(seconds: 599)
            #expect(try await tokens() == [Secret.hash(new), Secret.hash(agent.token)])
            world.clock.advance(seconds: 2)
            #expect(try await tokens() == [Secret.hash(new)])
        }
    }

    @Test("a token that was replaced is nobody's for ever, also after another rotation", arguments: Driver.available)
    func spent(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            for _ in 0..<2 {
                _ = try await world.access.rotateToken(of: agent.id, by: world.root, world.context())
            }
            #expect(try await world.access.holder(ofToken: agent.token) == nil, "the second rotation ends the overlap")
            let code = await code {
                _ = try await world.access.createAgent(
                    AgentDraft(name: "other", token: agent.token), by: world.root, world.context())
            }
            #expect(code == .invalid)
        }
    }

    @Test("a token that is brought along is used, once, and is long enough", arguments: Driver.available)
    func given(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let (name, token) = try await world.access.draftAgent()
            #expect(try await world.access.listAgents().isEmpty)
            let made = try await world.access.createAgent(
                AgentDraft(name: name, token: token), by: world.root, world.context())
            #expect(made.token == token)
            #expect(try await world.access.agent(token: token) == made.agent.id)
            let refused = [token, "short", String(repeating: "a", count: 129), String(repeating: "ä", count: 43)]
            for token in refused {
                let code = await code {
                    _ = try await world.access.createAgent(
                        AgentDraft(name: "other", token: token), by: world.root, world.context())
                }
                #expect(code == .invalid, "\(token)")
            }
            try await world.access.deleteAgent(made.agent.id, by: world.root, world.context())
            #expect(
                await code {
                    _ = try await world.access.createAgent(
                        AgentDraft(name: "other", token: token), by: world.root, world.context())
                } == .invalid, "a deleted agent's token tells that agent to let nobody in")
        }
    }

    @Test("a name that an agent has is not suggested", arguments: Driver.available)
    func suggestion(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            _ = try await world.agent("Brave-Otter")
            #expect(try await world.access.firstFree(of: ["brave-otter", "calm-heron"]) == "calm-heron")
            #expect(try await world.access.firstFree(of: ["brave-otter"]) == nil)
        }
    }
}
