import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess

/// Networks that stand for one client, with a proxy of this site in one of them.
@Suite("networks with somebody in them who is granted nothing", .timeLimit(.minutes(5)))
struct NetworkTests {
    private static let (near, far, four) = ("2001:db8:1::7", "2001:db8:2::7", "192.0.2.7")

    private var options: AccessOptions {
        var options = AccessOptions()
        options.trustedForwarders = { [CIDR(IPAddress.v6(0x2001_0db8_0001_0000_0000_0000_0000_0010))] }
        return options
    }

    private struct Office {
        let group: GroupID
        let agent: FakeAgent
        let knoc: KnocID
    }

    private func with(
        _ driver: Driver, grantOn: GrantOn = .click, prefix: Int? = 64,
        _ body: (World, Office) async throws -> Void
    ) async throws {
        try await World.with(driver, options) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            var backend = guardPort(9000)
            backend.ipv6Prefix = prefix
            let knoc = try await world.knoc(
                "wiki", [group], [EnforcementSpec(agentID: agent.id, backend: backend)], on: grantOn)
            try await body(world, Office(group: group, agent: agent, knoc: knoc))
        }
    }

    @Test("a click is refused with the reason; from elsewhere it opens", arguments: Driver.available)
    func click(_ driver: Driver) async throws {
        try await with(driver) { world, office in
            let alice = try await world.signIn("alice", from: Self.near)
            do {
                _ = try await world.access.grant(office.knoc, alice, world.context(Self.near))
                Issue.record("granted")
            } catch let error as AccessError {
                #expect(error.code == .forbidden && error.message.contains("2001:db8:1::/64"))
            }
            let away = try await world.access.move(alice, world.context(Self.far))
            _ = try await world.access.grant(office.knoc, away, world.context(Self.far))
            try await office.agent.sync()
            #expect(await office.agent.addresses == ["2001:db8:2::"])
            #expect(try await world.access.listGrants(live: true).map(\.address.description) == [Self.far])
        }
    }

    @Test("a single address of that network is granted like any other", arguments: Driver.available)
    func single(_ driver: Driver) async throws {
        try await with(driver, prefix: nil) { world, office in
            let alice = try await world.signIn("alice", from: Self.near)
            _ = try await world.access.grant(office.knoc, alice, world.context(Self.near))
            try await office.agent.sync()
            #expect(await office.agent.addresses == [Self.near])

            // Widened, it would have the proxy in it: what is open ends.
            var backend = guardPort(9000)
            backend.ipv6Prefix = 64
            var patch = KnocPatch()
            patch.enforcement = [EnforcementSpec(agentID: office.agent.id, backend: backend)]
            _ = try await world.access.updateKnoc(office.knoc, patch, by: world.root, world.context())
            try await office.agent.sync()
            #expect(await office.agent.addresses.isEmpty)
            #expect(try await world.access.listGrants().map(\.endReason) == ["network_refused"])
            #expect(try await world.state(office.knoc, alice) == .closed)
        }
    }

    @Test("neither a sign-in nor a move opens it, and the page says so", arguments: Driver.available)
    func others(_ driver: Driver) async throws {
        try await with(driver, grantOn: .signIn) { world, office in
            _ = try await world.signIn("alice", from: Self.near)
            #expect(try await world.access.listGrants().isEmpty)
            let alice = try await world.signIn("alice", from: Self.four)
            try await office.agent.sync()
            #expect(await office.agent.addresses == [Self.four])
            let moved = try await world.access.move(alice, world.context(Self.near))
            try await office.agent.sync()
            #expect(await office.agent.addresses == [Self.four])
            let item = try #require(try await world.access.knocs(of: moved).first)
            #expect(item.state == .open && item.reason == "\(Self.near): closed")
        }
    }
}
