import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("after a failover that may have lost something")
struct StartOverTests {
    @Test(
        "every session and grant ends, in batches, and no agent's position counts any more", arguments: Driver.available
    )
    func startOver(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            for _ in 0..<4 { _ = try await world.signIn("alice") }
            let position = try await position(of: scene.agent.id, world)
            let ended = try await world.access.startOver(cause: "failover", batch: 2)
            #expect(ended == Access.Ended(sessions: 5, grants: 1))
            #expect(try await world.access.session(user: "x") == nil)
            #expect(try await world.state(scene.knoc, scene.session) != .open)
            guard
                case .snapshot(_, let diverged) = try await world.access.stream(agent: scene.agent.id, after: position)
            else {
                Issue.record("a position of the old history was believed")
                return
            }
            #expect(diverged)
            #expect(try await world.actions().filter { $0 == "site.start_over" }.count == 1)
            #expect(try await world.actions().filter { $0 == "session.end" }.count == 5)
            // Whoever signs in afterwards stays.
            let later = try await world.signIn("alice")
            _ = try await world.access.grant(scene.knoc, later, world.context())
            #expect(try await world.state(scene.knoc, later) != nil)
        }
    }

    private func position(of agent: AgentID, _ world: World) async throws -> Position {
        switch try await world.access.stream(agent: agent, after: nil) {
        case .snapshot(let rows, _), .delta(let rows, _): rows.position
        }
    }

    @Test(
        "agents are told of nodes that were heard of within 30 s and have an address for them",
        arguments: Driver.available)
    func agentURLs(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            func url(_ number: Int) -> String { "https://web-\(number).example.org" }
            for number in 1...3 {
                try await world.access.note(
                    WebNode(id: "\(number)", name: "web-\(number)", version: "1", release: 1, agentURL: url(number)))
            }
            try await world.access.note(WebNode(id: "4", name: "web-4", version: "1", release: 1))
            try await world.access.note(WebNode(id: "5", name: "web-5", version: "1", release: 1, agentURL: url(1)))
            try await world.write(Statement("update nodes set seen_at = seen_at - 31000000 where id = '2'"))
            try await world.access.readLiveURLs()
            #expect(world.access.agentURLs == [url(1), url(3)])
            try await world.access.forget(WebNode(id: "3", name: "web-3", version: "1", release: 1))
            try await world.access.readLiveURLs()
            #expect(world.access.agentURLs == [url(1)])
        }
    }

    @Test("the cluster's state names nodes, whoever swept last, and agents", arguments: Driver.available)
    func cluster(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            _ = try await world.agent()
            let sweeper = Sweeper(access: world.access)
            try await world.access.note(WebNode(id: "1", name: "web-1", version: "1", release: 1))
            #expect(try await world.access.clusterState().sweeper == nil)
            #expect(await sweeper.sweep(1).isEmpty)
            try await world.access.note(WebNode(id: "1", name: "web-1", version: "1", release: 1))
            try await world.secondNode().note(WebNode(id: "2", name: "web-2", version: "1", release: 1))
            let state = try await world.access.clusterState()
            #expect(state.nodes.map(\.name) == ["web-1", "web-2"] && state.nodes.allSatisfy(\.isAlive))
            #expect(state.sweeper?.name == "web-1")
            #expect(state.agents.map(\.status) == [.pending])
        }
    }
}
