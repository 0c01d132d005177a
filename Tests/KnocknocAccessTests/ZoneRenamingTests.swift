import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("zones get other names", .timeLimit(.minutes(5)))
struct ZoneRenamingTests {
    @Test(
        "everything that names a zone, in any spelling, names the new one; nothing opens or closes",
        arguments: Driver.available)
    func renamed(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, zones: ["OFFICE", "!lab"])
            let told = try await world.agent("gw4")
            try await told.attach(zone: "office")
            try await world.access.rezone()
            try await told.sync()
            #expect(await told.addresses == ["192.0.2.7"])
            let elsewhere = try await world.knoc(
                "other", [], [EnforcementSpec(place: .zone("lab"), backend: guardPort(9001))])
            let before = try await world.access.knoc(floor.knoc)
            let position = await told.position
            let renamed = try await world.access.renameZone("Office", to: "hq", by: world.root, world.context())
            #expect(renamed.agents == floor.office.map(\.id) && renamed.told == [told.id])
            #expect(renamed.knocs == [floor.knoc])
            for agent in floor.office + [told] {
                #expect(try await world.access.agent(agent.id).zone == "hq")
            }
            let after = try await world.access.knoc(floor.knoc)
            #expect(after.zones == ["hq", "!lab"] && after.enforcement.map(\.zone) == ["hq"])
            #expect(after.targets.map(\.id) == before.targets.map(\.id) && after.version > before.version)
            #expect(try await world.access.knoc(elsewhere).enforcement.map(\.zone) == ["lab"])
            try await world.access.rezone()
            try await floor.sync()
            try await told.sync()
            #expect(await told.position == position, "nothing was written for it")
            #expect(await floor.open() == [true, true, false])
            // What its own file goes on saying counts no more.
            try await told.attach(zone: "office")
            try await world.access.rezone()
            #expect(try await world.access.agent(told.id).zoneInForce == "hq")
            let line = try #require(try await world.access.listAudit(limit: 1000).first { $0.action == "zone.rename" })
            #expect(line.details == ["from": "Office", "agents": "3", "knocs": "1"] && line.subjectName == "hq")
            #expect(try await world.access.users(ofZone: "office").told.isEmpty)
        }
    }

    @Test("exclusions follow, and a zone may get another spelling", arguments: Driver.available)
    func excluded(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world, zone: "*", zones: ["!lab"])
            let renamed = try await world.access.renameZone("LAB", to: "Lab", by: .cli, nil)
            #expect(renamed.agents == [floor.lab.id] && renamed.knocs == [floor.knoc])
            #expect(try await world.access.knoc(floor.knoc).zones == ["!Lab"])
            try await world.access.rezone()
            try await floor.sync()
            #expect(await floor.open() == [true, true, false])
        }
    }

    @Test("two zones do not become one, and what nothing names is not renamed", arguments: Driver.available)
    func refused(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            let access = world.access
            #expect(await code { _ = try await access.renameZone("lab", to: "Office", by: .cli, nil) } == .invalid)
            #expect(await code { _ = try await access.renameZone("attic", to: "cellar", by: .cli, nil) } == .notFound)
            for wrong in ["*", "<edge>", "!x", ""] {
                #expect(await code { _ = try await access.renameZone("lab", to: wrong, by: .cli, nil) } == .invalid)
                #expect(await code { _ = try await access.renameZone(wrong, to: "x", by: .cli, nil) } == .invalid)
            }
            #expect(try await access.agent(floor.lab.id).zone == "lab")
            #expect(try await access.actions(named: "zone.rename").isEmpty)
        }
    }
}

extension Access {
    fileprivate func actions(named name: String) async throws -> [AuditRecord] {
        try await listAudit(limit: 1000).filter { $0.action == name }
    }
}
