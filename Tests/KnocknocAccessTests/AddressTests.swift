import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("the addresses of one person", .timeLimit(.minutes(5)))
struct AddressTests {
    private static let (home, road, six) = ("192.0.2.7", "198.51.100.9", "2001:db8:1::7")

    /// Alice with one Knoc open from home for two hours.
    private struct Traveller {
        let group: GroupID
        let user: UserID
        let agent: FakeAgent
        let knoc: KnocID
        let session: Session
        let token: String
    }

    private func with(_ driver: Driver, _ body: (World, Traveller) async throws -> Void) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            let user = try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let knoc = try await world.knoc(
                "wiki", [group], [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))], seconds: 7200)
            let signIn = try await world.access.signIn(
                user: "alice", password: "alice password", world.context(Self.home))
            _ = try await world.access.grant(knoc, signIn.session, world.context(Self.home))
            try await agent.sync()
            try await body(
                world,
                Traveller(
                    group: group, user: user, agent: agent, knoc: knoc, session: signIn.session, token: signIn.token))
        }
    }

    private func addresses(_ session: Session) -> [String] { session.addresses.map(\.address.description) }

    @Test("a request from elsewhere is told of and changes nothing", arguments: Driver.available)
    func reading(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            let here = try await world.access.change(of: scene.session, world.context(Self.home))
            #expect(here == nil)
            let change = try await world.access.change(of: scene.session, world.context(Self.road))
            #expect(change?.address.description == Self.road)
            #expect(change?.asks == false)
            #expect(try await world.access.change(of: scene.session, world.context("224.0.0.1")) == nil)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home])
        }
    }

    @Test(
        "a move opens what is open, until the same moment, and the old address leaves when it is not seen for a minute",
        arguments: Driver.available)
    func move(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            try await scene.agent.sync()
            let until = try #require(await scene.agent.deadline(Self.home))
            world.clock.advance(seconds: 600)
            let moved = try await world.access.move(scene.session, world.context(Self.road))
            #expect(addresses(moved) == [Self.home, Self.road])
            #expect(moved.address?.description == Self.road)
            #expect(moved.addresses[0].leavesAt != nil && moved.addresses[1].leavesAt == nil)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home, Self.road])
            #expect(await scene.agent.deadline(Self.road) == until, "moving prolongs nothing")
            #expect(try await world.state(scene.knoc, moved) == .open)

            world.clock.advance(seconds: 58)
            #expect(try await world.access.leaveAddresses() == 0)
            world.clock.advance(seconds: 3)
            #expect(try await world.access.leaveAddresses() == 1)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.road])
            #expect(try await world.state(scene.knoc, moved) == .open)
            let actions = try await world.actions()
            #expect(actions.contains("session.move") && actions.contains("session.leave"))
            let grants = try await world.access.listGrants()
            #expect(grants.map(\.endReason) == [nil, "address_left"])
            #expect(Set(grants.map(\.createdAt)).count == 1, "a duration counts from the first of them")
        }
    }

    @Test("one that is seen again stays, and the other leaves instead", arguments: Driver.available)
    func back(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            let access = world.access
            var session = try await access.move(scene.session, world.context(Self.road))
            world.clock.advance(seconds: 40)
            access.note(session, at: .address(try #require(IPAddress(Self.home))))
            try await access.noteSeenAddresses()
            world.clock.advance(seconds: 40)
            #expect(try await access.leaveAddresses() == 0)
            // Only what has not been seen for a minute.
            world.clock.advance(seconds: 21)
            #expect(try await access.leaveAddresses() == 1)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home])
            session = try #require(try await access.session(user: scene.token))
            #expect(addresses(session) == [Self.home])
            #expect(session.address?.description == Self.home)
        }
    }

    @Test("the other family is opened beside, and nothing leaves for it", arguments: Driver.available)
    func families(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            let moved = try await world.access.move(scene.session, world.context(Self.six))
            #expect(moved.addresses.allSatisfy { $0.leavesAt == nil })
            world.clock.advance(seconds: 3000)
            #expect(try await world.access.leaveAddresses() == 0)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home, Self.six])
            // Closing and opening is of all of them.
            _ = try await world.access.revoke(scene.knoc, moved, world.context(Self.six))
            #expect(try await world.state(scene.knoc, moved) == .closing)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.isEmpty)
            #expect(try await world.state(scene.knoc, moved) == .closed)
            _ = try await world.access.grant(scene.knoc, moved, world.context(Self.six))
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home, Self.six])
            try await world.access.signOut(moved, world.context())
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.isEmpty)
        }
    }

    @Test("a right that is gone does not move", arguments: Driver.available)
    func rules(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            try await world.write(Statement("delete from group_members where user_id = $1", scene.user))
            _ = try await world.access.move(scene.session, world.context(Self.road))
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home])
            let refused = RequestContext(client: .refused(nil, reason: "no address"), requestID: "r")
            #expect(await code { _ = try await world.access.move(scene.session, refused) } == .forbidden)
            #expect(await code { _ = try await world.access.move(scene.session, world.context("::1")) } == .forbidden)
            try await world.access.signOut(scene.session, world.context())
            #expect(
                await code { _ = try await world.access.move(scene.session, world.context(Self.six)) }
                    == .unauthenticated)
        }
    }

    @Test("a fifth address takes the place of what leaves first", arguments: Driver.available)
    func bound(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            var session = scene.session
            for number in 1...4 {
                session = try await world.access.move(session, world.context("198.51.100.\(number)"))
                world.clock.advance(seconds: 1)
            }
            #expect(addresses(session) == (1...4).map { "198.51.100.\($0)" })
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == Set(addresses(session)))
        }
    }

    @Test(
        "after six moves within an hour the password is asked for, and addresses that come back are no moves",
        arguments: Driver.available)
    func moves(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            let access = world.access
            for number in [1, 2, 3, 2, 1, 4, 5, 6, 5] {
                _ = try await access.move(scene.session, world.context("198.51.100.\(number)"))
                world.clock.advance(seconds: 10)
            }
            let seventh = world.context("198.51.100.7")
            #expect(try await access.change(of: scene.session, seventh)?.asks == true)
            #expect(await code { _ = try await access.move(scene.session, seventh) } == .confirmation)
            #expect(await code { _ = try await access.move(scene.session, password: "no", seventh) } == .confirmation)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.contains("198.51.100.7") == false)
            let confirmed = try await access.move(scene.session, password: "alice password", seventh)
            #expect(confirmed.address?.description == "198.51.100.7")
            // It counts anew from there.
            world.clock.advance(seconds: 1)
            _ = try await access.move(scene.session, world.context("198.51.100.8"))
            // And by itself after an hour.
            world.clock.advance(seconds: 3700)
            #expect(try await access.change(of: scene.session, world.context(Self.road))?.asks == false)
        }
    }

    @Test("a probe adds the address that it comes from, once, for a minute, on any node", arguments: Driver.available)
    func probe(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            let probes = try await world.access.probes(for: scene.session, count: 3)
            let added = try await world.secondNode().probe(token: probes[0].token, world.context(Self.six))
            #expect(added.description == Self.six)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home, Self.six])
            let session = try #require(try await world.access.session(user: scene.token))
            #expect(session.address?.description == Self.home, "the page comes from where it came from")
            #expect(session.addresses.map(\.origin) == [.signIn, .probe])

            let (access, elsewhere) = (world.access, world.context(Self.road))
            #expect(
                await code { _ = try await access.probe(token: probes[0].token, elsewhere) } == .unauthenticated, "used"
            )
            #expect(await code { _ = try await access.probe(token: "x", elsewhere) } == .unauthenticated)
            let nowhere = RequestContext(client: .refused(nil, reason: "no address"), requestID: "r")
            #expect(await code { _ = try await access.probe(token: probes[1].token, nowhere) } == .forbidden)
            #expect(await code { _ = try await access.probe(token: probes[1].token, elsewhere) } == .unauthenticated)
            world.clock.advance(seconds: 61)
            #expect(
                await code { _ = try await access.probe(token: probes[2].token, elsewhere) } == .unauthenticated, "old")
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home, Self.six])
        }
    }

    @Test("tokens of a session that wait to be used are bounded, and none outlives it", arguments: Driver.available)
    func tokens(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            let probes = try await world.access.probes(for: scene.session, count: 16)
            #expect(await code { _ = try await world.access.probes(for: scene.session, count: 1) } == .busy)
            try await world.access.signOut(scene.session, world.context())
            #expect(
                await code { _ = try await world.access.probe(token: probes[0].token, world.context(Self.six)) }
                    == .unauthenticated)
            #expect(await code { _ = try await world.access.probes(for: scene.session, count: 1) } == .unauthenticated)
        }
    }

    @Test("a session of an older node has its own address alone, and moves all the same", arguments: Driver.available)
    func olderNode(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            try await world.write(Statement("delete from session_addresses"))
            let session = try #require(try await world.access.session(user: scene.token))
            #expect(addresses(session) == [Self.home])
            _ = try await world.access.revoke(scene.knoc, session, world.context())
            _ = try await world.access.grant(scene.knoc, session, world.context())
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home])
            let moved = try await world.access.move(session, world.context(Self.road))
            #expect(moved.address?.description == Self.road)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home, Self.road])
            #expect(moved.addresses.map(\.origin) == [.signIn, .request])
            world.clock.advance(seconds: 61)
            #expect(try await world.access.leaveAddresses() == 1)
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.road])
        }
    }

    @Test("an administrator ends it for all addresses, and nothing is left to move", arguments: Driver.available)
    func ended(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            let moved = try await world.access.move(scene.session, world.context(Self.six))
            let group = try await world.access.knoc(scene.knoc).groupIDs
            let other = try await world.knoc(
                "other", group, [EnforcementSpec(agentID: scene.agent.id, backend: guardPort(9001))])
            _ = try await world.access.grant(other, moved, world.context(Self.six))
            let grant = try #require(try await world.access.listGrants(live: true, on: scene.knoc).first).id
            try await world.access.endGrant(grant, by: world.root, world.context())
            #expect(try await world.access.listGrants(live: true, on: scene.knoc).isEmpty)
            #expect(try await world.access.listGrants(live: true, on: other).count == 2)
            #expect(
                await code { try await world.access.endGrant(grant, by: world.root, world.context()) } == .notFound)
            _ = try await world.access.move(moved, world.context(Self.road))
            #expect(try await world.access.listGrants(live: true, on: scene.knoc).isEmpty)
            #expect(try await world.access.listGrants(live: true, on: other).count == 3)
        }
    }

    @Test("a token that is none makes the database write nothing", arguments: Driver.available)
    func garbage(_ driver: Driver) async throws {
        try await with(driver) { world, _ in
            let operations = Statement("select count(*) as n from operations")
            let before = try await world.database.run(operations)[0].integer("n")
            for token in ["", "x", Secret.new(), Secret.new() + "x"] {
                #expect(
                    await code { _ = try await world.access.probe(token: token, world.context(Self.six)) }
                        == .unauthenticated)
            }
            #expect(try await world.database.run(operations)[0].integer("n") == before)
        }
    }

    @Test(
        "two people behind one address: it closes with the last of them, and the administrator sees with whom",
        arguments: Driver.available)
    func shared(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            try await world.user("bob", in: [scene.group])
            let bob = try await world.signIn("bob", from: Self.home)
            _ = try await world.access.grant(scene.knoc, bob, world.context(Self.home))
            try await scene.agent.sync()
            let grants = try await world.access.listGrants(live: true)
            #expect(
                Set(grants.map { "\($0.userName) \($0.sharedWith.map(\.userName))" }) == [
                    #"alice ["bob"]"#, #"bob ["alice"]"#,
                ])
            #expect(try await world.access.listGrants(live: true, of: scene.user).map(\.userName) == ["alice"])
            #expect(try await world.access.listGrants(live: true, on: scene.knoc).count == 2)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            try await scene.agent.sync()
            #expect(await scene.agent.addresses == [Self.home])
            let item = try await world.access.knocs(of: scene.session).first
            #expect(item?.state == .closed)
            #expect(item?.reason == "closed for you; this address is still open through someone else")
            #expect(try await world.access.listGrants(live: true).map(\.sharedWith.isEmpty) == [true])
            _ = try await world.access.revoke(scene.knoc, bob, world.context())
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.isEmpty)
        }
    }

    @Test("what is not the same at all addresses is told beside", arguments: Driver.available)
    func beside(_ driver: Driver) async throws {
        try await with(driver) { world, scene in
            try await scene.agent.sync()
            let moved = try await world.access.move(scene.session, world.context(Self.six))
            let item = try #require(try await world.access.knocs(of: moved).first)
            // The page is at the new one, where the agent has not confirmed yet.
            #expect(item.state == .pending)
            #expect(
                item.reason == "waiting for gw1, which is not connected; \(Self.home): open"
                    || item.reason == "\(Self.home): open")
        }
    }

    @Test("a prefix opens the client's network, and two clients of it share the entry", arguments: Driver.available)
    func prefix(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            try await world.user("bob", in: [group])
            let agent = try await world.agent()
            var backend = guardPort(9000)
            backend.ipv6Prefix = 64
            let knoc = try await world.knoc("wiki", [group], [EnforcementSpec(agentID: agent.id, backend: backend)])
            let alice = try await world.signIn("alice", from: "2001:db8:1:2::7")
            let bob = try await world.signIn("bob", from: "2001:db8:1:2:aa::9")
            let carol = try await world.access.move(bob, world.context("192.0.2.9"))
            for session in [alice, carol] { _ = try await world.access.grant(knoc, session, world.context()) }
            try await agent.sync()
            #expect(await agent.addresses == ["2001:db8:1:2::", "192.0.2.9"])
            #expect(await agent.targets.values.first?.definition.backend.ipv6Prefix == 64)
            let grants = try await world.access.listGrants(live: true, of: alice.userID)
            #expect(grants.map(\.address.description) == ["2001:db8:1:2::7"], "the right names the client itself")
            #expect(grants.first?.sharedWith.map(\.userName) == ["bob"])
            _ = try await world.access.revoke(knoc, alice, world.context())
            try await agent.sync()
            #expect(await agent.addresses == ["2001:db8:1:2::", "192.0.2.9"])

            // Narrowed, what is open moves to the new target by its own address.
            var patch = KnocPatch()
            patch.enforcement = [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))]
            _ = try await world.access.updateKnoc(knoc, patch, by: world.root, world.context())
            try await agent.sync()
            #expect(await agent.addresses == ["2001:db8:1:2:aa::9", "192.0.2.9"])
        }
    }

    @Test("a Knoc with a prefix says that its node must know it", arguments: Driver.available)
    func feature(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            var backend = guardPort(9000)
            backend.ipv6Prefix = 56
            let knoc = try await world.knoc("wiki", [], [EnforcementSpec(agentID: agent.id, backend: backend)])
            let features = Statement("select features from knocs where id = $1", knoc)
            #expect(try await world.database.run(features)[0].text("features") == "ipv6_prefix")
            var patch = KnocPatch()
            patch.enforcement = [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))]
            _ = try await world.access.updateKnoc(knoc, patch, by: world.root, world.context())
            #expect(try await world.database.run(features)[0].text("features").isEmpty)
        }
    }
}
