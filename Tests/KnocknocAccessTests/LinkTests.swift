import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Synchronization
import Testing

@testable import KnocknocAccess

@Suite("links")
struct LinkTests {
    @Test("an agent is known by its token while it is enabled", arguments: Driver.available)
    func token(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            #expect(try await world.access.agent(token: agent.token) == agent.id)
            #expect(try await world.access.agent(token: "nonsense") == nil)
            var patch = AgentPatch()
            patch.disabled = true
            _ = try await world.access.updateAgent(agent.id, patch, by: world.root, world.context())
            #expect(try await world.access.agent(token: agent.token) == nil)
            let hello = FakeAgent.hello()
            #expect(try await world.access.attach(agent: agent.id, hello: hello, node: "a") == .revoked)
            await #expect(throws: AccessError.self) { try await world.access.stream(agent: agent.id, after: nil) }
            #expect(try await world.access.standings(of: [agent.id]).isEmpty)
        }
    }

    @Test("keys are pinned at first contact; another key waits for an administrator", arguments: Driver.available)
    func keys(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            try await agent.attach()
            let first = await agent.epoch
            let other = FakeAgent.hello(key: "b3RoZXI=")
            let answer = try await world.access.attach(agent: agent.id, hello: other, node: "a")
            guard case .keyChanged(let fingerprint) = answer else {
                Issue.record("the other key came in: \(answer)")
                return
            }
            let record = try await world.access.agent(agent.id)
            #expect(record.offeredFingerprint == fingerprint)
            #expect(record.fingerprint != fingerprint)
            #expect(try await world.actions().contains("agent.key_refused"))
            #expect(
                await code {
                    _ = try await world.access.approveKey(
                        of: agent.id, fingerprint: "SHA256:x", by: world.root, world.context())
                } == .invalid)
            let approved = try await world.access.approveKey(
                of: agent.id, fingerprint: fingerprint, by: world.root, world.context())
            #expect(approved.fingerprint == fingerprint)
            #expect(approved.offeredFingerprint == nil)
            guard case .accepted(let epoch) = try await world.access.attach(agent: agent.id, hello: other, node: "b")
            else {
                Issue.record("the approved key was refused")
                return
            }
            #expect(epoch > first)
            #expect(try await world.access.agent(agent.id).status == .online)
        }
    }

    @Test(
        "no position gets a snapshot, a known one the difference, an unknown one a snapshot",
        arguments: Driver.available)
    func stream(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let access = world.access
            let position = try #require(await scene.agent.position)
            guard case .snapshot(let all, diverged: false) = try await access.stream(agent: scene.agent.id, after: nil)
            else {
                Issue.record("no snapshot")
                return
            }
            #expect(all.position == position)
            #expect(all.targets.count == 1)
            #expect(all.entries.count == 1)
            _ = try await access.revoke(scene.knoc, scene.session, world.context())
            guard case .delta(let rows, let after) = try await access.stream(agent: scene.agent.id, after: position)
            else {
                Issue.record("no delta")
                return
            }
            #expect(after == position)
            #expect(rows.targets.isEmpty)
            #expect(rows.entries.map(\.expiresAt) == [nil])
            #expect(rows.position.revision == position.revision + 1)
            let strangers = [
                Position(epoch: "other", revision: position.revision, change: position.change),
                Position(epoch: position.epoch, revision: position.revision, change: "other"),
                Position(epoch: position.epoch, revision: position.revision + 100, change: position.change),
            ]
            for stranger in strangers {
                guard
                    case .snapshot(let rows, diverged: true) = try await access.stream(
                        agent: scene.agent.id, after: stranger)
                else {
                    Issue.record("\(stranger) was taken for one of ours")
                    return
                }
                #expect(rows.entries.isEmpty)
            }
        }
    }

    @Test(
        "what a commit hands to this node's links is what the stream says", arguments: Driver.available, Cause.allCases)
    func step(_ driver: Driver, _ cause: Cause) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let agent = scene.agent
            let steps = Mutex<[StreamStep]>([])
            world.access.steps.subscribe { id, step in if id == agent.id { steps.withLock { $0.append(step) } } }
            func check(from before: Position?) async throws -> Bool {
                let taken = steps.withLock { steps in
                    defer { steps = [] }
                    return steps
                }
                guard let step = taken.first, let before else { return false }
                #expect(taken.count == 1)
                #expect(step.after == before)
                #expect(
                    try await world.access.stream(agent: agent.id, after: before) == .delta(step.rows, after: before))
                return true
            }
            var before = await agent.position
            try await scene.end(by: cause)
            let isHanded = try await check(from: before)
            #expect(isHanded == cause.handsStep)
            guard cause == .click else { return }
            try await agent.sync()
            before = await agent.position
            _ = try await world.access.grant(scene.knoc, scene.session, world.context())
            let isGranted = try await check(from: before)
            #expect(isGranted)
        }
    }

    @Test(
        "a report is cumulative: what it lists failed, and what it lists no more has recovered",
        arguments: Driver.available)
    func record(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let agent = scene.agent
            let entry = try #require(await agent.open.values.first)
            await agent.fail([Failure(target: entry.target, entry: entry.id, reason: "Device or resource busy")])
            try await agent.report()
            let item = try #require(try await world.access.knocs(of: scene.session).first)
            #expect(item.state == .failed)
            #expect(item.reason == "gw1: Device or resource busy")
            await agent.fail([Failure(target: entry.target, entry: nil, reason: "no such set")])
            try await agent.report()
            #expect(try await world.access.knocs(of: scene.session).first?.reason == "gw1: no such set")
            #expect(try await world.access.knoc(scene.knoc).targets.first?.outcome == .failed)
            await agent.fail([])
            try await agent.report()
            #expect(try await world.state(scene.knoc, scene.session) == .open)
            await agent.setDryRun([entry.target])
            try await agent.report()
            #expect(try await world.state(scene.knoc, scene.session) == .dryRun)
        }
    }

    @Test("what an older link still says is void", arguments: Driver.available)
    func epochs(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let old = await scene.agent.epoch
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            try await scene.agent.attach(node: "b")
            try await scene.agent.read()
            try await scene.agent.report(epoch: old)
            #expect(try await world.state(scene.knoc, scene.session) == .closing)
            try await scene.agent.report()
            #expect(try await world.state(scene.knoc, scene.session) == .closed)
        }
    }

    @Test("a report of an older revision does not confirm a newer one", arguments: Driver.available)
    func older(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            try await scene.agent.report()
            #expect(try await world.state(scene.knoc, scene.session) == .closing)
        }
    }

    @Test(
        "a node sees that the store waits for a report, so that it can repeat one that a failover took",
        arguments: Driver.available)
    func unreported(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let agent = scene.agent
            #expect(try await world.access.standings(of: [agent.id])[agent.id]?.unreported == nil)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            try await agent.read()
            let revision = await agent.position?.revision
            #expect(try await world.access.standings(of: [agent.id])[agent.id]?.unreported == revision)
            try await agent.report()
            #expect(try await world.access.standings(of: [agent.id])[agent.id]?.unreported == nil)
        }
    }

    @Test("a removal that the store has forgotten ends the right behind it", arguments: Driver.available)
    func replay(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let entry = try #require(await scene.agent.open.values.first)
            let epoch = try #require(await scene.agent.position).epoch
            let removal = { (revision: Int64, epoch: String) in
                Removal(
                    entry: entry.id, target: entry.target, address: entry.address, revision: revision, epoch: epoch)
            }
            try await world.access.replay(agent: scene.agent.id, removals: [removal(entry.revision - 1, epoch)])
            #expect(try await world.state(scene.knoc, scene.session) == .open)
            try await world.access.replay(agent: scene.agent.id, removals: [removal(entry.revision + 5, epoch)])
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.isEmpty)
            #expect(try await world.access.listGrants(live: true).isEmpty)
            #expect(try await world.actions().contains("RevokeReplayed"))
        }
    }

    @Test(
        "confirmed absent entries go after a minute, and positions from before get a snapshot",
        arguments: Driver.available)
    func prune(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let before = try #require(await scene.agent.position)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            try await scene.agent.sync()
            try await world.access.prune()
            #expect(try await count("entries", world) == 1)
            world.clock.advance(seconds: 61)
            try await world.access.prune()
            #expect(try await count("entries", world) == 0)
            guard case .snapshot = try await world.access.stream(agent: scene.agent.id, after: before) else {
                Issue.record("a pruned removal is missing from the delta")
                return
            }
            let now = await scene.agent.position
            guard case .delta = try await world.access.stream(agent: scene.agent.id, after: now) else {
                Issue.record("an agent that is up to date gets everything again")
                return
            }
            _ = try await world.access.grant(scene.knoc, scene.session, world.context())
            try await scene.agent.sync()
            #expect(try await world.state(scene.knoc, scene.session) == .open)
        }
    }

    @Test("an unconfirmed absent entry is kept for its agent", arguments: Driver.available)
    func keep(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            world.clock.advance(seconds: 7200)
            try await world.access.prune()
            #expect(try await count("entries", world) == 1)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.isEmpty)
        }
    }

    private func count(_ table: String, _ world: World) async throws -> Int64 {
        try await world.database.run(Statement(constants: "select count(*) as n from \(table)", []))[0].integer("n")
    }

    @Test(
        "that a link came and that it went is audited, with the agent; one that was replaced goes unsaid",
        arguments: Driver.available)
    func audited(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            try await agent.attach()
            let epoch = await agent.epoch
            try await world.access.detach(agent: agent.id, linkEpoch: epoch - 1)
            for _ in 1...2 { try await world.access.detach(agent: agent.id, linkEpoch: epoch) }
            let lines = try await world.access.listAudit(limit: 1000).filter { $0.action.hasSuffix("connect") }
            #expect(lines.map(\.action) == ["agent.disconnect", "agent.connect"])
            #expect(lines.map(\.actorName) == ["gw1", "gw1"] && lines[0].details["node"] != nil)
        }
    }
}
