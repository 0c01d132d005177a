import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

/// What another node does between two statements of a use case; on SQLite nothing can come between.
@Suite("two transactions at once", .enabled(if: Driver.hasPostgres, "SKIPPED: there is no Postgres server here"))
struct InterleavingTests {
    @Test("a guard that a Knoc takes up at the same moment is not taken away")
    func unguard() async throws {
        try await World.with(.postgres) { world in
            let agent = try await world.agent()
            let first = try await world.knoc(
                "first", [], [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))])
            let target = try #require(try await world.access.knoc(first).targets.first?.id)
            try await world.access.deleteKnoc(first, by: world.root, world.context())
            let second = try await world.knoc("second", [], [])
            let given = ZoneTable.addSpot(
                target, to: second, position: 0, backend: try JSON.text(guardPort(9000)), isPlaced: true)
            let results = try await world.interleave([AgentTable.bump(agent.id, change: "x")], [given]) {
                try await world.access.unguard(target, by: world.root, world.context())
            }
            #expect(failure(results.first) == .invalid)
            #expect(try await world.access.targets(of: agent.id).first?.purpose != .unguard)
        }
    }

    @Test("what an administrator ends while the session moves is not left open at the new address")
    func endWhileMoving() async throws {
        try await World.with(.postgres) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [group], [spec])
            let session = try await world.signIn("alice")
            _ = try await world.access.grant(knoc, session, world.context())
            let grant = try #require(try await world.access.listGrants(live: true).first).id
            // The move has read what is open, and waits for the agent's stream.
            let results = try await world.interleave(
                [AgentTable.bump(agent.id, change: "x")], [],
                { _ = try await world.access.move(session, world.context("198.51.100.9")) },
                { try await world.access.endGrant(grant, by: world.root, world.context()) })
            for result in results { try result.get() }
            #expect(try await world.access.listGrants(live: true).isEmpty)
            try await agent.sync()
            #expect(await agent.addresses.isEmpty)
        }
    }

    @Test("a trial that has just run out is not confirmed")
    func confirm() async throws {
        try await World.with(.postgres) { world in
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000, trial: 60))
            let knoc = try await world.knoc("wiki", [], [spec])
            try await agent.sync()
            let target = try #require(try await world.access.knoc(knoc).targets.first?.id)
            let trial = { (state: AgentMessage.Trial.State) in
                AgentMessage.Trial(target: target, state: state, flows: 0, sources: [], secondsLeft: 0)
            }
            let epoch = await agent.epoch
            try await world.access.trial(agent: agent.id, linkEpoch: epoch, trial: trial(.started))
            let reverted = ReportTable.trial(target, agent.id, epoch: epoch, report: try JSON.text(trial(.reverted)))
            let results = try await world.interleave([AgentTable.bump(agent.id, change: "x")], [reverted]) {
                try await world.access.confirmGuard(target, by: world.root, world.context())
            }
            #expect(failure(results.first) == .invalid)
            #expect(try await world.access.targets(of: agent.id).first?.confirmed == false)
        }
    }

    @Test("of two first contacts with different keys one is refused")
    func pin() async throws {
        try await World.with(.postgres) { world in
            let agent = try await world.agent()
            let other = LinkTable.pin(agent.id, signingKey: "b3RoZXI=", sealingKey: "b3RoZXI=")
            let results = try await world.interleave([other]) {
                try await world.access.attach(agent: agent.id, hello: FakeAgent.hello(), node: "a")
            }
            guard case .keyChanged = try results.first?.get() else {
                Issue.record("the second key was taken: \(results)")
                return
            }
            #expect(try await world.access.agent(agent.id).offeredFingerprint != nil)
        }
    }

    @Test("a Knoc that is given to a group while the group is deleted keeps no grant")
    func deleteGroup() async throws {
        try await World.with(.postgres) { world in
            let (old, new) = (try await world.group("old"), try await world.group("new"))
            try await world.user("alice", in: [old, new])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [old], [spec])
            _ = try await world.access.grant(knoc, try await world.signIn("alice"), world.context())
            let moved = [KnocTable.clearGroups(knoc), KnocTable.addGroup(new, to: knoc)]
            _ = try await world.interleave(moved) {
                try await world.access.deleteGroup(new, by: world.root, world.context())
            }
            #expect(try await world.access.listGrants(live: true).isEmpty)
            try await agent.sync()
            #expect(await agent.open.isEmpty)
        }
    }

    @Test("a grant of a Knoc that was given to a group while the group is deleted leaves nothing open")
    func deleteGroupAndGrant() async throws {
        try await World.with(.postgres) { world in
            let (old, doomed) = (try await world.group("old"), try await world.group("doomed"))
            try await world.user("alice", in: [doomed])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let held = try await world.knoc("held", [doomed], [spec])
            // On an agent of its own: what the deletion tells the other one does not hold the grant up.
            let other = try await world.agent("gw2")
            let given = try await world.knoc(
                "given", [old], [EnforcementSpec(agentID: other.id, backend: guardPort(9000))])
            let alice = try await world.signIn("alice")
            _ = try await world.access.grant(held, alice, world.context())
            let deletion: @Sendable () async throws -> Void = {
                _ = try await world.interleave([KnocTable.addGroup(doomed, to: given)]) {
                    try await world.access.deleteGroup(doomed, by: world.root, world.context())
                }
            }
            let grant: @Sendable () async throws -> Void = {
                _ = try await world.access.grant(given, alice, world.context())
            }
            let tasks = try await world.database.write(OperationID.new(at: SystemTime.now())) { tx in
                // The deletion has done everything but tell the agent when the grant comes.
                try await tx.run(AgentTable.bump(agent.id, change: "x"))
                let first = Task { try await deletion() }
                try await world.waitForGroups(2, of: given)
                try await world.waitForLocks(1)
                let second = Task { try await grant() }
                try await world.waitForLocks(2)
                return [first, second]
            }
            for task in tasks { _ = await task.result }
            let groups = try await world.access.listGroups()
            #expect(!groups.contains { $0.id == doomed })
            #expect(try await world.access.listGrants(live: true).isEmpty)
            for agent in [agent, other] {
                try await agent.sync()
                #expect(await agent.open.isEmpty)
            }
        }
    }

    @Test("a session is as long as its user's row says when it begins")
    func sessionLength() async throws {
        try await World.with(.postgres) { world in
            let alice = try await world.user("alice", sessionSeconds: 1000)
            let shorter = Statement("update users set session_seconds = 10 where id = $1", alice)
            let session = try #require(
                try await world.interleave([shorter]) { try await world.signIn("alice") }.first?.get())
            #expect(session.expiresAt.milliseconds(since: session.createdAt) == 10_000)
        }
    }

    @Test(
        "what was changed at the same moment is not deleted by a version from before",
        arguments: ["users", "knocs", "groups", "admins", "agents"])
    func deletions(_ table: String) async throws {
        try await World.with(.postgres) { world in
            let (access, root, context) = (world.access, world.root, world.context())
            _ = try await access.createAdmin(AdminDraft(name: "other", password: "a long password"), by: .cli, nil)
            let user = try await access.user(try await world.user("alice"))
            let knoc = try await access.knoc(try await world.knoc("wiki", [], []))
            let group = try await access.group(try await world.group("staff"))
            let draft = AdminDraft(name: "second", password: "a long password")
            let admin = try await access.createAdmin(draft, by: .cli, nil)
            let agent = try await access.agent(try await world.agent().id)
            let ids = [
                "users": user.id.description, "knocs": knoc.id.description, "groups": group.id.description,
                "admins": admin.id.description, "agents": agent.id.description,
            ]
            let id = try #require(ids[table])
            let change = Statement(constants: "update \(table) set version = version + 1 where id = $1", [id])
            let results = try await world.interleave([change]) {
                switch table {
                case "users": try await access.deleteUser(user.id, version: user.version, by: root, context)
                case "knocs": try await access.deleteKnoc(knoc.id, version: knoc.version, by: root, context)
                case "groups": try await access.deleteGroup(group.id, version: group.version, by: root, context)
                case "admins": try await access.deleteAdmin(admin.id, version: admin.version, by: root, context)
                default: try await access.deleteAgent(agent.id, version: agent.version, by: root, context)
                }
            }
            #expect(failure(results.first) == .stale)
            let left = Statement(constants: "select id from \(table) where id = $1", [id])
            #expect(try await world.database.run(left).count == 1)
        }
    }

    enum End: String, CaseIterable, Sendable { case disabled, groupDeleted, leftGroup, knocDeleted }

    @Test(
        "in both orders, a grant and the end of its right leave nothing open", arguments: End.allCases, [true, false])
    func bothOrders(_ kind: End, _ grantsFirst: Bool) async throws {
        try await World.with(.postgres) { world in
            let scene = try await Scene(world)
            let session = try await world.signIn("alice", from: "192.0.2.8")
            let before = try await made(world)
            let grant: @Sendable () async throws -> Void = {
                _ = try await world.access.grant(scene.knoc, session, world.context())
            }
            let end: @Sendable () async throws -> Void = { try await self.end(kind, scene) }
            // Both need the agent's row, which is held: whoever came first has judged and written by then.
            let results = try await world.interleave(
                [AgentTable.bump(scene.agent.id, change: "x")], [], grantsFirst ? grant : end, grantsFirst ? end : grant
            )
            let (granted, ended) = grantsFirst ? (results[0], results[1]) : (results[1], results[0])
            #expect(try await made(world) == before + (grantsFirst ? 1 : 0))
            // One that was made is read again for the answer: by then its right may have ended.
            if case .failure = granted {
                #expect([.notFound, .unauthenticated].contains(failure(granted)), "\(granted)")
            } else {
                #expect(grantsFirst)
            }
            #expect(throws: Never.self) { try ended.get() }
            try await scene.agent.sync()
            #expect(await scene.agent.open.isEmpty)
            #expect(try await world.access.listGrants(live: true).isEmpty)
        }
    }

    /// How many grants were ever made.
    private func made(_ world: World) async throws -> Int {
        try await world.access.listAudit(limit: 100).filter { $0.action == "grant.create" }.count
    }

    private func end(_ kind: End, _ scene: Scene) async throws {
        let (access, root, context) = (scene.world.access, scene.world.root, scene.world.context())
        var patch = UserPatch()
        switch kind {
        case .disabled:
            patch.disabled = true
            _ = try await access.updateUser(scene.user, patch, by: root, context)
        case .groupDeleted: try await access.deleteGroup(scene.group, by: root, context)
        case .leftGroup:
            patch.groupIDs = []
            _ = try await access.updateUser(scene.user, patch, by: root, context)
        case .knocDeleted: try await access.deleteKnoc(scene.knoc, by: root, context)
        }
    }
}
