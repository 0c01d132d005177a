import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("closing without a server, and what administrators see of agents", .timeLimit(.minutes(5)))
struct CloseAfterTests {
    @Test("travels with the target, and Knocs that share one share the shortest", arguments: Driver.available)
    func shared(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            #expect(await scene.agent.closings == [nil])
            func change(_ knoc: KnocID, _ seconds: Int64?) async throws {
                var patch = KnocPatch()
                patch.closeAfterSeconds = .set(seconds)
                _ = try await world.access.updateKnoc(knoc, patch, by: world.root, world.context())
                try await scene.agent.sync()
            }
            try await change(scene.knoc, 90)
            #expect(await scene.agent.closings == [90])
            #expect(await scene.agent.open.count == 1, "who is in stays in")
            #expect(try await world.state(scene.knoc, scene.session) == .open)
            let spec = EnforcementSpec(agentID: scene.agent.id, backend: guardPort(9000))
            let other = try await world.knoc("other", [scene.group], [spec])
            try await change(other, 60)
            #expect(await scene.agent.closings == [60])
            try await change(scene.knoc, nil)
            #expect(await scene.agent.closings == [60])
            try await world.access.deleteKnoc(other, by: world.root, world.context())
            try await scene.agent.sync()
            #expect(await scene.agent.closings == [nil])
            #expect(try await world.access.knoc(scene.knoc).targets.map(\.backend) == [guardPort(9000)])
        }
    }

    @Test(
        "an agent that is away for that long counts as closed, and says nothing new when it is back",
        arguments: Driver.available)
    func lapsed(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            var patch = KnocPatch()
            patch.closeAfterSeconds = .set(60)
            _ = try await world.access.updateKnoc(scene.knoc, patch, by: world.root, world.context())
            try await scene.agent.sync()
            try await world.access.detach(agent: scene.agent.id, linkEpoch: await scene.agent.epoch)
            #expect(try await world.state(scene.knoc, scene.session) == .open)
            let seen = Statement(
                "update agent_links set last_seen_at = last_seen_at - 61000000 where agent_id = $1", scene.agent.id)
            try await world.write(seen)
            let item = try await world.access.knocs(of: scene.session).first
            #expect(item?.state == .pending)
            #expect(item?.reason == "waiting for gw1, which is not connected; it is closed there until then")
            try await scene.agent.attach()
            #expect(try await world.state(scene.knoc, scene.session) == .open)
        }
    }

    @Test("a list that gets other keys keeps its terms", arguments: Driver.available)
    func keys(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            try await agent.sync()
            let spec = EnforcementSpec(place: .zone("*"), backend: .allowList(AllowListBackend()))
            let draft = KnocDraft(name: "feed", enforcement: [spec], closeAfterSeconds: 60)
            _ = try await world.access.createKnoc(draft, by: world.root, world.context())
            let networks = [try CIDR(parsing: "192.0.2.0/24")]
            _ = try await world.access.createAPIKey(
                APIKeyDraft(name: "device", scopes: [.readAllowLists], networks: networks), by: world.root,
                world.context())
            try await agent.sync()
            #expect(await agent.closings == [60])
            guard case .allowList(let list)? = await agent.targets.values.first?.definition.backend else {
                Issue.record("the agent has no list")
                return
            }
            #expect(list.service?.keys.count == 1)
        }
    }

    @Test("each agent's part of a grant is told: applied, pending, failed", arguments: Driver.available)
    func parts(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let (one, two) = (try await world.agent("gw1"), try await world.agent("gw2"))
            let specs = [one, two].map { EnforcementSpec(agentID: $0.id, backend: guardPort(9000)) }
            let knoc = try await world.knoc("wiki", [group], specs)
            let session = try await world.signIn("alice")
            _ = try await world.access.grant(knoc, session, world.context())
            try await one.sync()
            func parts() async throws -> GrantRecord {
                let grants = try await world.access.listGrants()
                return try #require(grants.first)
            }
            func said(_ name: String) async throws -> GrantRecord.Part? {
                try await parts().parts.first { $0.agentName == name }
            }
            #expect(try await said("gw1")?.state == .open)
            #expect(try await said("gw2")?.state == .pending)
            #expect(try await said("gw2")?.reason == "not connected")
            let grant = try await parts()
            #expect(grant.partsDone == 1 && grant.parts.count == 2 && grant.state == .pending)
            let standing = try await world.access.standing(of: knoc)
            let targets = try await world.access.knoc(knoc).targets
            #expect(targets.map { standing[$0.id]?.isLinked } == [true, false])
            #expect(targets.map { standing[$0.id]?.entriesApplied } == [1, 0])
            #expect(targets.map { standing[$0.id]?.entriesWanted } == [1, 1])
            try await two.sync()
            let target = try #require(await two.targets.keys.first)
            await two.fail([Failure(target: target, entry: nil, reason: "no such table")])
            try await two.report()
            #expect(try await said("gw2")?.state == .failed)
            #expect(try await said("gw2")?.reason == "no such table")
            await two.fail([])
            try await two.report()
            let done = try await parts()
            #expect(done.state == .open && done.partsDone == 2)
            _ = try await world.access.revoke(knoc, session, world.context())
            try await one.sync()
            #expect(try await parts().parts.map(\.state).sorted { $0.rawValue < $1.rawValue } == [.closed, .closing])
            #expect(try await parts().partsDone == 1)
        }
    }

    @Test("what only the agent ends is not called closed before it has said so", arguments: Driver.available)
    func endsByAgent(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let script = Backend.script(ScriptBackend(path: "/open", name: "door"))
            let knocs = [
                try await world.knoc(
                    "script", [group], [EnforcementSpec(agentID: agent.id, backend: script)], seconds: 100),
                try await world.knoc(
                    "guard", [group], [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))], seconds: 100),
            ]
            let session = try await world.signIn("alice")
            for knoc in knocs { _ = try await world.access.grant(knoc, session, world.context()) }
            try await agent.sync()
            world.clock.advance(seconds: 101)
            try await world.access.endExpired()
            #expect(try await world.state(knocs[0], session) == .closing)
            #expect(try await world.state(knocs[1], session) == .closed)
            try await agent.sync()
            #expect(try await world.state(knocs[0], session) == .closed)
        }
    }
}
