import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("zones", .timeLimit(.minutes(5)))
struct ZoneTests {
    @Test("a Knoc of a zone opens on all of its agents, and on those alone", arguments: Driver.available)
    func zone(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            #expect(await floor.open() == [true, true, false])
            #expect(try await world.state(floor.knoc, floor.session) == .open)
            let record = try await world.access.knoc(floor.knoc)
            #expect(record.enforcement == [EnforcementSpec(place: .zone("office"), backend: guardPort(9000))])
            #expect(record.targets.map(\.agentName) == ["gw1", "gw2"])
            #expect(try await world.access.listKnocs().first?.enforcement == record.enforcement)
        }
    }

    @Test("an agent that comes into the zone gets what is live, one that leaves loses it", arguments: Driver.available)
    func joins(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            try await floor.update(floor.lab) { $0.zone = .set("office") }
            #expect(try await world.state(floor.knoc, floor.session) == .pending)
            try await floor.sync()
            #expect(await floor.open() == [true, true, true])
            #expect(try await world.state(floor.knoc, floor.session) == .open)
            try await floor.update(floor.office[0]) { $0.zone = .set(nil) }
            try await floor.sync()
            #expect(await floor.open() == [false, true, true])
            #expect(await floor.office[0].purposes == [.released], "its guard stays closed")
            try await floor.update(floor.office[1]) { $0.disabled = true }
            #expect(try await world.state(floor.knoc, floor.session) == .open, "nobody waits for who is disabled")
            try await world.access.deleteAgent(floor.office[1].id, by: world.root, world.context())
            #expect(try await world.access.knoc(floor.knoc).targets.map(\.agentName) == ["gw3"])
            #expect(try await world.state(floor.knoc, floor.session) == .open)
            #expect(try await world.actions().contains("knoc.follow_zones"))
        }
    }

    @Test(
        "a guard that was confirmed is confirmed on an agent that comes into the zone, one that was not is on trial there",
        arguments: Driver.available, [true, false])
    func trial(_ driver: Driver, isConfirmed: Bool) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, backend: guardPort(9000, trial: 60))
            if isConfirmed {
                try await world.write(
                    Statement("update targets set confirmed = 1 where agent_id = $1", floor.office[0].id))
            }
            try await floor.update(floor.lab) { $0.zone = .set("office") }
            let targets = try await world.access.knoc(floor.knoc).targets
            #expect(targets.map(\.agentName) == ["gw1", "gw2", "gw3"])
            #expect(targets.map(\.confirmed) == [isConfirmed, false, isConfirmed])
        }
    }

    @Test(
        "what an agent says of its zone counts where its administrator has said nothing, from its first contact on",
        arguments: Driver.available)
    func told(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            let new = try await world.agent("gw4", zone: "office")
            #expect(try await world.state(floor.knoc, floor.session) == .open, "it has not been there yet")
            try await new.sync()
            // The next round of the sweeper, which is not one of those that look at zones in any case.
            #expect(await Sweeper(access: world.access).sweep(1).isEmpty)
            try await new.sync()
            #expect(await new.open.count == 1)
            let other = try await world.agent("gw5")
            try await other.attach(zone: "office")
            try await world.access.rezone()
            try await other.sync()
            #expect(await other.open.count == 1)
            #expect(try await world.access.agent(other.id).zoneInForce == "office")
            // What the administrator says wins, and a name that is none is not taken.
            try await floor.lab.attach(zone: "office")
            try await world.access.rezone()
            try await floor.lab.sync()
            #expect(await floor.lab.open.isEmpty)
            try await other.attach(zone: "<edge>")
            try await world.access.rezone()
            try await other.sync()
            #expect(await other.open.isEmpty)
        }
    }

    @Test("<edge> is agents that say so, and * with the Knoc's zones is everywhere but", arguments: Driver.available)
    func everywhereBut(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, zone: "*", zones: ["!lab"])
            #expect(await floor.open() == [true, true, false])
            _ = try await floor.update { $0.zones = ["!office"] }
            try await floor.sync()
            #expect(await floor.open() == [false, false, true])
            _ = try await floor.update { $0.zones = ["<edge>"] }
            try await floor.sync()
            #expect(await floor.open() == [false, false, false])
            #expect(try await world.state(floor.knoc, floor.session) == .failed)
            try await floor.office[0].attach(edge: true)
            try await world.access.rezone()
            try await floor.sync()
            #expect(await floor.open() == [true, false, false])
            let named = EnforcementSpec(agentID: floor.lab.id, backend: guardPort(9000))
            let record = try await floor.update {
                $0.zones = []
                $0.enforcement = [named]
            }
            #expect(record.enforcement == [named])
            try await floor.sync()
            #expect(await floor.open() == [false, false, true])
        }
    }

    @Test(
        "one agent of a zone lets in while all close; it moves when its agent goes, once, and back for nobody",
        arguments: Driver.available)
    func placement(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, placement: .one)
            let (one, two) = (floor.office[0], floor.office[1])
            #expect(await floor.open() == [true, false, false])
            #expect(await two.purposes == [.enforce], "it guards all the same")
            #expect(try await world.state(floor.knoc, floor.session) == .open)
            #expect(try await world.access.knoc(floor.knoc).targets.map(\.isPlaced) == [true, false])
            try await world.access.rezone(leavingSilent: true)
            try await floor.sync()
            #expect(await floor.open() == [true, false, false])
            try await floor.silence(one)
            try await world.access.rezone()
            #expect(try await world.access.knoc(floor.knoc).targets.map(\.isPlaced) == [true, false], "not yet")
            try await world.access.rezone(leavingSilent: true)
            #expect(try await world.state(floor.knoc, floor.session) == .pending)
            try await two.sync()
            #expect(await two.addresses == ["192.0.2.7"])
            #expect(try await world.state(floor.knoc, floor.session) == .open)
            // The one that was left is emptied when it is back, and stays so.
            try await one.attach()
            try await one.sync()
            #expect(await one.open.isEmpty)
            #expect(await one.purposes == [.enforce])
            try await world.access.rezone(leavingSilent: true)
            #expect(try await world.access.knoc(floor.knoc).targets.map(\.isPlaced) == [false, true])
            let before = await two.position
            try await world.access.rezone(leavingSilent: true)
            try await two.sync()
            #expect(await two.position == before, "nothing was written")
            _ = try await world.access.revoke(floor.knoc, floor.session, world.context())
            try await floor.sync()
            #expect(await floor.open() == [false, false, false])
        }
    }

    @Test("a new grant goes where the zone's grants are, also after everybody was away", arguments: Driver.available)
    func together(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, placement: .one)
            try await floor.silence(floor.office[0], floor.office[1])
            try await world.access.rezone(leavingSilent: true)
            let other = try await world.signIn("alice", from: "192.0.2.8")
            _ = try await world.access.grant(floor.knoc, other, world.context())
            try await floor.sync()
            #expect(await floor.office[0].addresses == ["192.0.2.7", "192.0.2.8"])
            #expect(await floor.office[1].addresses.isEmpty)
            try await floor.update(floor.office[0]) { $0.disabled = true }
            try await floor.office[1].sync()
            #expect(await floor.office[1].addresses == ["192.0.2.7", "192.0.2.8"])
        }
    }

    @Test(
        "a changed or further address goes where the zone's grants are, and nowhere else", arguments: Driver.available)
    func addresses(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, placement: .one)
            let moved = try await world.access.move(floor.session, world.context("198.51.100.9"))
            let probe = try await world.access.probes(for: moved, count: 1)[0]
            _ = try await world.access.probe(token: probe.token, world.context("2001:db8::7"))
            try await floor.sync()
            #expect(await floor.office[0].addresses == ["192.0.2.7", "198.51.100.9", "2001:db8::7"])
            #expect(await floor.open() == [true, false, false])
        }
    }

    @Test("what cannot be is refused by the name of its field", arguments: Driver.available)
    func refused(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            func said(_ change: (inout KnocPatch) -> Void) async -> AccessError? {
                do {
                    _ = try await floor.update(change)
                    return nil
                } catch { return error as? AccessError }
            }
            let spec = EnforcementSpec(place: .zone("office"), backend: guardPort(9000))
            #expect(await said { $0.zones = ["office", "!"] }?.field == "zones")
            let wrong = EnforcementSpec(place: .zone("!office"), backend: guardPort(9000))
            #expect(await said { $0.enforcement = [spec, wrong] }?.field == "enforcement[1].zone")
            let twice = EnforcementSpec(place: .zone("OFFICE"), backend: guardPort(9000))
            #expect(await said { $0.enforcement = [spec, twice] }?.message.contains("twice") == true)
            let nobody = EnforcementSpec(agentID: AgentID(value: 9), backend: guardPort(1))
            #expect(await said { $0.enforcement = [spec, nobody] }?.field == "enforcement")
            let script = ScriptBackend(path: "/x", name: "door", secrets: ["TOKEN": SecretText("hunter2")])
            let secret = EnforcementSpec(place: .zone("office"), backend: .script(script))
            let refusal = await said { $0.enforcement = [secret] }
            #expect(refusal?.field == "enforcement[0].backend" && refusal?.message.contains("agent_id") == true)
            #expect(await said { $0.closeAfterSeconds = .set(29) }?.field == "close_after_seconds")
            var patch = AgentPatch()
            patch.zone = .set("*")
            #expect(
                await code {
                    _ = try await world.access.updateAgent(floor.lab.id, patch, by: world.root, world.context())
                } == .invalid)
            #expect(await floor.open() == [true, true, false])
        }
    }

    @Test("a node that does not know zones refuses such a Knoc", arguments: Driver.available)
    func features(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            let read = Statement("select features from knocs where id = $1", floor.knoc)
            #expect(try await world.database.run(read)[0].text("features") == "zones")
            _ = try await floor.update { $0.closeAfterSeconds = .set(60) }
            #expect(try await world.database.run(read)[0].text("features") == "zones close_after")
        }
    }
}
