import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

/// Everything that ends a person's access.
enum Cause: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case signOut, click, sessionEnds, grantEnds, grantEndedByAdmin, sessionEndedByAdmin, userDisabled, userDeleted,
        passwordChanged, leftGroup, groupDeleted, knocLostGroup, knocDisabled, knocDeleted, enforcementMoved,
        enforcementEmptied

    var testDescription: String { rawValue }

    /// Whether the commit hands links of its node what it did.
    var handsStep: Bool {
        [.signOut, .click, .sessionEnds, .grantEnds, .grantEndedByAdmin, .sessionEndedByAdmin].contains(self)
    }

    /// Whether established flows are cut even where the address stays open for others.
    var cuts: Bool {
        [.grantEndedByAdmin, .sessionEndedByAdmin, .userDisabled, .userDeleted].contains(self)
    }
}

/// One user with one open Knoc, and what may befall it.
struct Scene {
    let world: World
    let group: GroupID
    let user: UserID
    let agent: FakeAgent
    let knoc: KnocID
    let session: Session

    init(_ world: World) async throws {
        self.world = world
        group = try await world.group("staff")
        user = try await world.user("alice", in: [group], sessionSeconds: 1000)
        agent = try await world.agent()
        knoc = try await world.knoc(
            "wiki", [group], [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))], seconds: 100)
        session = try await world.signIn("alice")
        _ = try await world.access.grant(knoc, session, world.context())
        try await agent.sync()
    }

    func end(by cause: Cause) async throws {
        let (access, context, root) = (world.access, world.context(), world.root)
        var userPatch = UserPatch()
        var knocPatch = KnocPatch()
        switch cause {
        case .signOut: try await access.signOut(session, context)
        case .click: _ = try await access.revoke(knoc, session, context)
        case .sessionEnds:
            world.clock.advance(seconds: 1000)
            try await access.endExpired()
        case .grantEnds:
            world.clock.advance(seconds: 100)
            try await access.endExpired()
        case .grantEndedByAdmin:
            let grant = try #require(try await access.listGrants(live: true).first { $0.userID == user })
            try await access.endGrant(grant.id, by: root, context)
        case .sessionEndedByAdmin: try await access.endSession(session.id, by: root, context)
        case .userDisabled:
            userPatch.disabled = true
            _ = try await access.updateUser(user, userPatch, by: root, context)
        case .userDeleted: try await access.deleteUser(user, by: root, context)
        case .passwordChanged:
            userPatch.password = "another password"
            _ = try await access.updateUser(user, userPatch, by: root, context)
        case .leftGroup:
            userPatch.groupIDs = []
            _ = try await access.updateUser(user, userPatch, by: root, context)
        case .groupDeleted: try await access.deleteGroup(group, by: root, context)
        case .knocLostGroup:
            knocPatch.groupIDs = []
            _ = try await access.updateKnoc(knoc, knocPatch, by: root, context)
        case .knocDisabled:
            knocPatch.disabled = true
            _ = try await access.updateKnoc(knoc, knocPatch, by: root, context)
        case .knocDeleted: try await access.deleteKnoc(knoc, by: root, context)
        case .enforcementMoved:
            knocPatch.enforcement = [EnforcementSpec(agentID: agent.id, backend: set("elsewhere"))]
            _ = try await access.updateKnoc(knoc, knocPatch, by: root, context)
        case .enforcementEmptied:
            knocPatch.enforcement = []
            _ = try await access.updateKnoc(knoc, knocPatch, by: root, context)
        }
    }
}

@Suite("endings")
struct RevocationTests {
    @Test("every cause takes the address out of the agent's target", arguments: Driver.available, Cause.allCases)
    func every(_ driver: Driver, _ cause: Cause) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            #expect(await scene.agent.addresses == ["192.0.2.7"])
            let before = try #require(await scene.agent.open.values.first).target
            try await scene.end(by: cause)
            try await scene.agent.sync()
            let left = await scene.agent.open.values.filter { $0.target == before }
            #expect(left.isEmpty)
            if cause == .enforcementMoved {
                #expect(await scene.agent.addresses == ["192.0.2.7"])
                #expect(try await world.state(scene.knoc, scene.session) == .open)
            } else if cause == .enforcementEmptied {
                #expect(try await world.state(scene.knoc, scene.session) == .failed)
            } else {
                let end = try #require(try await world.access.listAudit(limit: 1000).first { $0.action == "grant.end" })
                #expect(end.details["user_name"] == "alice" && end.details["knoc_name"] == "wiki", "\(end)")
                #expect(try await world.access.listGrants(live: true).isEmpty)
            }
        }
    }

    @Test(
        "another person behind the address keeps it, and flows are cut only by an administrator's word",
        arguments: Driver.available, Cause.allCases)
    func shared(_ driver: Driver, _ cause: Cause) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let others = try await world.group("others")
            try await world.user("bob", in: [others])
            let backend = EnforcementSpec(agentID: scene.agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("same port", [others], [backend])
            let bob = try await world.signIn("bob")
            _ = try await world.access.grant(knoc, bob, world.context())
            try await scene.agent.sync()
            #expect(await scene.agent.open.count == 1)
            try await scene.end(by: cause)
            try await scene.agent.sync()
            let deadlines = await scene.agent.open.values.compactMap(\.expiresAt)
            #expect(deadlines.contains(bob.expiresAt))
            #expect(try await world.state(knoc, bob) == .open)
            #expect(await scene.agent.cuts.isEmpty == !cause.cuts)
        }
    }

    @Test(
        "two grants on one entry: each order of ending keeps the later expiry of what is left, and no longer",
        arguments: Driver.available, [[0, 1], [1, 0]])
    func orders(_ driver: Driver, _ order: [Int]) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            try await world.user("bob", in: [group])
            let agent = try await world.agent()
            for (kind, backend) in [guardPort(9000), set("allowed")].enumerated() {
                let spec = EnforcementSpec(agentID: agent.id, backend: backend)
                let short = try await world.knoc("short\(kind)", [group], [spec], seconds: 100)
                let long = try await world.knoc("long\(kind)", [group], [spec], seconds: 200)
                // Two Knocs of one person, then two people behind one address.
                for names in [["alice", "alice"], ["alice", "bob"]] {
                    let sessions = [try await world.signIn(names[0]), try await world.signIn(names[1])]
                    var until: [Timestamp] = []
                    for (knoc, session) in zip([short, long], sessions) {
                        let item = try await world.access.grant(knoc, session, world.context())
                        until.append(try #require(item.expiresAt))
                    }
                    try await agent.sync()
                    #expect(await agent.deadline("192.0.2.7") == until[1])
                    let knocs = [short, long]
                    let first = order[0]
                    _ = try await world.access.revoke(knocs[first], sessions[first], world.context())
                    try await agent.sync()
                    #expect(await agent.deadline("192.0.2.7") == until[order[1]])
                    #expect(try await world.state(knocs[order[1]], sessions[order[1]]) == .open)
                    let item = try await world.access.knocs(of: sessions[first]).first { $0.id == knocs[first] }
                    #expect(item?.state == .closed)
                    #expect(item?.reason?.contains("someone else") == true)
                    _ = try await world.access.revoke(knocs[order[1]], sessions[order[1]], world.context())
                    try await agent.sync()
                    #expect(await agent.addresses.isEmpty)
                }
            }
        }
    }

    @Test(
        "of three grants on one entry the latest that is left counts, whichever ends",
        arguments: Driver.available, 0..<3)
    func three(_ driver: Driver, _ ended: Int) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let session = try await world.signIn("alice")
            var knocs: [KnocID] = []
            var until: [Timestamp] = []
            for (name, seconds) in [("a", 200), ("b", 100), ("c", 300)] as [(String, Int64)] {
                let knoc = try await world.knoc(name, [group], [spec], seconds: seconds)
                knocs.append(knoc)
                let item = try await world.access.grant(knoc, session, world.context())
                until.append(try #require(item.expiresAt))
                try await agent.sync()
                #expect(await agent.deadline("192.0.2.7") == until.max())
            }
            _ = try await world.access.revoke(knocs[ended], session, world.context())
            until.remove(at: ended)
            try await agent.sync()
            #expect(await agent.deadline("192.0.2.7") == until.max())
        }
    }

    @Test(
        "a Knoc that two groups give is listed once, and stays while one of them is left",
        arguments: Driver.available)
    func twoGroups(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let one = try await world.group("one")
            let two = try await world.group("two")
            let alice = try await world.user("alice", in: [one, two])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [one, two], [spec], on: .signIn)
            let session = try await world.signIn("alice")
            try await agent.sync()
            #expect(try await world.access.knocs(of: session).map(\.state) == [.open])
            var patch = UserPatch()
            patch.groupIDs = [two]
            _ = try await world.access.updateUser(alice, patch, by: world.root, world.context())
            try await agent.sync()
            #expect(try await world.state(knoc, session) == .open)
            try await world.access.deleteGroup(two, by: world.root, world.context())
            try await agent.sync()
            #expect(await agent.addresses.isEmpty)
        }
    }

    @Test("closing until the agent has confirmed, closed past the expiry in any case", arguments: Driver.available)
    func closing(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let item = try await world.access.revoke(scene.knoc, scene.session, world.context())
            #expect(item.state == .closing)
            world.clock.advance(seconds: 101)
            #expect(try await world.state(scene.knoc, scene.session) == .closed)
        }
    }

    @Test("the net below the use cases ends rights and entries whose cause is gone", arguments: Driver.available)
    func repair(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            // Behind the back of every use case.
            _ = try await world.database.write(OperationID.new(at: world.database.estimatedNow())) { tx in
                try await tx.run(.init("delete from group_members"))
            }
            try await world.access.repair()
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.isEmpty)
            #expect(try await world.access.listGrants(live: true).isEmpty)
        }
    }
}
