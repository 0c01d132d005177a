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

    @Test(
        "a second rotation cuts nobody off: what it and the first one replaced have ten minutes each",
        arguments: Driver.available)
    func twice(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            func rotate() async throws -> String {
                try await world.access.rotateToken(of: agent.id, by: world.root, world.context()).token
            }
            func counting() async throws -> [[UInt8]] {
                try await world.access.standings(of: [agent.id])[agent.id]?.tokens ?? []
            }
            let second = try await rotate()
            world.clock.advance(seconds: 300)
            let third = try await rotate()
            for token in [agent.token, second, third] {
                #expect(try await world.access.agent(token: token) == agent.id)
            }
            #expect(
                try await counting() == [third, agent.token, second].map(Secret.hash), "links stand with all of them")
            world.clock.advance(seconds: 301)
            #expect(try await world.access.holder(ofToken: agent.token) == nil)
            #expect(try await world.access.agent(token: second) == agent.id)
            #expect(try await counting() == [third, second].map(Secret.hash))
            world.clock.advance(seconds: 300)
            #expect(try await world.access.holder(ofToken: second) == nil)
            #expect(try await counting() == [third].map(Secret.hash))
        }
    }

    @Test("where it is wished, a rotation ends all others at once, for good", arguments: Driver.available)
    func now(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            let other = try await world.agent("gw2")
            let second = try await world.access.rotateToken(of: agent.id, by: world.root, world.context()).token
            let its = try await world.access.rotateToken(of: other.id, by: world.root, world.context()).token
            let third = try await world.access.rotateToken(of: agent.id, now: true, by: world.root, world.context())
                .token
            let fourth = try await world.access.rotateToken(of: agent.id, by: world.root, world.context()).token
            for token in [agent.token, second] {
                #expect(
                    try await world.access.holder(ofToken: token) == nil, "nor does the next rotation bring it back")
            }
            for token in [third, fourth] { #expect(try await world.access.agent(token: token) == agent.id) }
            for token in [other.token, its] { #expect(try await world.access.agent(token: token) == other.id) }
            let tokens = try await world.access.standings(of: [agent.id])[agent.id]?.tokens
            #expect(tokens == [fourth, third].map(Secret.hash))
            let lines = try await world.access.listAudit(limit: 1000).filter { $0.action == "agent.rotate_token" }
            #expect(lines.filter { $0.details["others"] == "ended at once" }.count == 1 && lines.count == 4)
        }
    }

    @Test("a token that was replaced is no other agent's for ever", arguments: Driver.available, [true, false])
    func spent(_ driver: Driver, isNow: Bool) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            _ = try await world.access.rotateToken(of: agent.id, now: isNow, by: world.root, world.context())
            #expect(try await world.access.holder(ofToken: agent.token)?.agent == (isNow ? nil : agent.id))
            let code = await code {
                _ = try await world.access.createAgent(
                    AgentDraft(name: "other", token: agent.token), by: world.root, world.context())
            }
            #expect(code == .invalid)
        }
    }

    @Test(
        "of two that come with one token at the same moment, one is told that it is taken",
        .enabled(if: Driver.hasPostgres), .timeLimit(.minutes(5)))
    func together() async throws {
        try await World.with(.postgres) { world in
            let token = Secret.new()
            let now = SystemTime.now()
            let other = AgentTable.insert(
                AgentID.new(at: now), name: "gw1", key: "gw1", zone: nil, embedded: false, token: Secret.hash(token),
                change: "c", now: now)
            let outcome = try await world.interleave([other]) {
                _ = try await world.access.createAgent(
                    AgentDraft(name: "gw2", token: token), by: world.root, world.context())
            }
            guard case .failure(let error as AccessError)? = outcome.first else {
                Issue.record("it is not refused as such: \(outcome)")
                return
            }
            #expect(error.code == .invalid && error.field == "token")
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
