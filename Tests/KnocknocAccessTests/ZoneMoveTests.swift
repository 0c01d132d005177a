import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("agents that a grant has left", .timeLimit(.minutes(5)))
struct ZoneMoveTests {
    /// A floor whose grant has moved from its first office agent, which fell silent, to the second.
    private func moved(_ world: World) async throws -> ZoneFloor {
        let floor = try await ZoneFloor(world, placement: .one)
        try await floor.silence(floor.office[0])
        try await world.access.rezone(leavingSilent: true)
        try await floor.office[1].sync()
        #expect(await floor.office[1].addresses == ["192.0.2.7"])
        return floor
    }

    private func grant(_ world: World) async throws -> GrantRecord {
        try #require(try await world.access.listGrants().first)
    }

    private func closing(_ floor: ZoneFloor) async throws -> [Int64] {
        let standing = try await floor.world.access.standing(of: floor.knoc)
        return try await floor.world.access.knoc(floor.knoc).targets.map { standing[$0.id]?.entriesClosing ?? -1 }
    }

    @Test(
        "what the agent that was left may still let in is closing, and a grant that ends is not closed before that",
        arguments: Driver.available)
    func left(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await moved(world)
            var record = try await grant(world)
            #expect(try await world.state(floor.knoc, floor.session) == .open && record.state == .open)
            #expect(record.parts.map(\.agentName) == ["gw1", "gw2"] && record.parts.map(\.state) == [.closing, .open])
            #expect(record.parts[0].reason == "not connected; closed at the latest at \(record.expiresAt)")
            #expect(record.partsDone == 1 && record.partsInAll == 1)
            #expect(try await closing(floor) == [1, 0])

            _ = try await world.access.revoke(floor.knoc, floor.session, world.context())
            try await floor.office[1].sync()
            let item = try #require(try await world.access.knocs(of: floor.session).first)
            #expect(item.state == .closing && item.reason?.contains("gw1 is not connected") == true, "\(item)")
            record = try await grant(world)
            #expect(record.parts.map(\.state) == [.closing, .closed] && record.partsInAll == 2)
            #expect(try await closing(floor) == [1, 0])

            try await floor.office[0].attach()
            try await floor.office[0].sync()
            #expect(await floor.open() == [false, false, false])
            #expect(try await world.state(floor.knoc, floor.session) == .closed)
            #expect(try await grant(world).parts.map(\.state) == [.closed, .closed])
            #expect(try await closing(floor) == [0, 0])
        }
    }

    @Test("its own time ends it there too", arguments: Driver.available)
    func expired(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await moved(world)
            world.clock.advance(seconds: 9 * 3600)
            try await world.access.endExpired()
            #expect(try await closing(floor) == [0, 0])
            #expect(try await world.access.listGrants(live: true).isEmpty)
        }
    }

    @Test(
        "once it has confirmed it has no part in the grant; nothing opens it there again but that the grant comes back",
        arguments: Driver.available)
    func confirmed(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, placement: .one)
            // Somebody else behind the same address, who leaves later.
            try await world.user("bob", in: [try #require(try await world.access.listGroups().first).id])
            let other = try await world.signIn("bob")
            _ = try await world.access.grant(floor.knoc, other, world.context())
            try await floor.sync()
            try await floor.silence(floor.office[0])
            try await world.access.rezone(leavingSilent: true)
            try await floor.office[1].sync()
            _ = try await world.access.revoke(floor.knoc, other, world.context())
            try await world.access.repair()
            try await floor.office[0].attach()
            try await floor.office[0].sync()
            try await floor.office[1].sync()
            #expect(await floor.open() == [false, true, false], "the grant that goes on holds nothing there")
            let record = try #require(try await world.access.listGrants(live: true).first)
            #expect(record.parts.map(\.agentName) == ["gw2"] && record.partsDone == 1 && record.partsInAll == 1)
            #expect(try await world.state(floor.knoc, floor.session) == .open)

            try await floor.silence(floor.office[1])
            try await world.access.rezone(leavingSilent: true)
            try await floor.office[0].sync()
            #expect(await floor.office[0].addresses == ["192.0.2.7"])
            #expect(try await world.state(floor.knoc, floor.session) == .open)
            #expect(try await world.access.listGrants(live: true).first?.parts.map(\.state) == [.open, .closing])
        }
    }

    @Test(
        "an agent that was left has no say in the grant either where somebody else's goes on there",
        arguments: Driver.available)
    func besides(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, placement: .one)
            let group = try #require(try await world.access.listGroups().first).id
            try await world.user("bob", in: [group])
            let spec = EnforcementSpec(agentID: floor.office[0].id, backend: guardPort(9000))
            let knoc = try await world.knoc("other", [group], [spec])
            let other = try await world.signIn("bob")
            _ = try await world.access.grant(knoc, other, world.context())
            try await floor.sync()
            try await floor.silence(floor.office[0])
            try await world.access.rezone(leavingSilent: true)
            try await floor.office[1].sync()
            try await floor.office[0].attach()
            try await floor.office[0].read()
            let entry = try #require(await floor.office[0].open.values.first)
            await floor.office[0].fail([Failure(target: entry.target, entry: entry.id, reason: "no such set")])
            try await floor.office[0].report()
            #expect(try await world.state(knoc, other) == .failed)
            #expect(try await world.state(floor.knoc, floor.session) == .open)
            let record = try #require(
                try await world.access.listGrants(live: true).first { $0.knocID == floor.knoc })
            #expect(record.parts.map(\.agentName) == ["gw2"] && record.state == .open)
        }
    }

    @Test("an address that a session moves to is let in by the zone's one agent alone", arguments: Driver.available)
    func anotherAddress(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, placement: .one)
            _ = try await world.access.move(floor.session, world.context("198.51.100.9"))
            try await floor.sync()
            #expect(await floor.office[0].addresses == ["192.0.2.7", "198.51.100.9"])
            #expect(await floor.office[1].addresses.isEmpty)
        }
    }
}
