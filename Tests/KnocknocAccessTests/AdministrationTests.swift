import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocAccess

@Suite("administration")
struct AdministrationTests {
    @Test("names are unique without regard to case", arguments: Driver.available)
    func duplicates(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            #expect(await code { try await world.user("ALICE") } == .duplicate)
            _ = try await world.group("staff")
            #expect(await code { _ = try await world.group("Staff") } == .duplicate)
            _ = try await world.agent()
            #expect(await code { _ = try await world.agent() } == .duplicate)
            _ = try await world.knoc("wiki", [], [])
            #expect(await code { _ = try await world.knoc("Wiki", [], []) } == .duplicate)
            let bob = try await world.user("bob")
            var patch = UserPatch()
            patch.name = "Alice"
            #expect(
                await code { _ = try await world.access.updateUser(bob, patch, by: world.root, world.context()) }
                    == .duplicate)
        }
    }

    @Test("bad values are refused by name", arguments: Driver.available)
    func invalid(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let (root, context) = (world.root, world.context())
            let ghost = GroupID(value: 7)
            #expect(await code { try await world.user(" ") } == .invalid)
            #expect(await code { try await world.user("alice", in: [ghost]) } == .invalid)
            let short = UserDraft(name: "alice", password: "short")
            #expect(await code { _ = try await world.access.createUser(short, by: root, context) } == .invalid)
            let spec = EnforcementSpec(agentID: AgentID(value: 9), backend: guardPort(1))
            #expect(await code { _ = try await world.knoc("wiki", [], [spec]) } == .invalid)
            let agent = try await world.agent()
            let zero = EnforcementSpec(agentID: agent.id, backend: guardPort(0))
            #expect(await code { _ = try await world.knoc("wiki", [], [zero]) } == .invalid)
            let one = EnforcementSpec(agentID: agent.id, backend: guardPort(1))
            #expect(await code { _ = try await world.knoc("wiki", [], [one, one]) } == .invalid)
            #expect(await code { _ = try await world.knoc("wiki", [ghost], []) } == .invalid)
            #expect(await code { _ = try await world.knoc("wiki", [], [], seconds: 0) } == .invalid)
            let url = KnocDraft(name: "wiki", url: "javascript:alert(1)")
            #expect(await code { _ = try await world.access.createKnoc(url, by: root, context) } == .invalid)
            let claim = GroupDraft(name: "sso", kind: .sso)
            #expect(await code { _ = try await world.access.createGroup(claim, by: root, context) } == .invalid)
            #expect(await code { _ = try await world.access.user(UserID(value: 3)) } == .notFound)
            #expect(await code { try await world.access.endGrant(GrantID(value: 3), by: root, context) } == .notFound)
            #expect(try await world.access.listUsers().isEmpty)
            #expect(try await world.access.listKnocs().isEmpty)
        }
    }

    @Test("a change that was made on an older version is refused", arguments: Driver.available)
    func stale(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let id = try await world.user("alice")
            var patch = UserPatch()
            patch.email = .set("alice@example.com")
            let changed = try await world.access.updateUser(id, patch, version: 1, by: world.root, world.context())
            #expect(changed.version == 2)
            #expect(changed.email == "alice@example.com")
            #expect(
                await code {
                    _ = try await world.access.updateUser(id, patch, version: 1, by: world.root, world.context())
                } == .stale)
            #expect(
                await code { try await world.access.deleteUser(id, version: 1, by: world.root, world.context()) }
                    == .stale)
        }
    }

    @Test("lists are paged without gaps", arguments: Driver.available)
    func pages(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            for number in 0..<5 { try await world.user("user\(number)") }
            var names: [String] = []
            var after: UserID?
            while true {
                let page = try await world.access.listUsers(after: after, limit: 2)
                names += page.map(\.name)
                guard let last = page.last else { break }
                after = last.id
            }
            #expect(names.sorted() == (0..<5).map { "user\($0)" })
            let newest = try await world.access.listAudit(limit: 1)
            let older = try await world.access.listAudit(after: newest.first?.id, limit: 100)
            #expect(older.count == 4)
            #expect(newest.first?.action == "user.create")
        }
    }

    @Test("the last administrator who can sign in stays", arguments: Driver.available)
    func lastAdmin(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let draft = { AdminDraft(name: $0, password: "a long password") }
            let one = try await world.access.createAdmin(draft("one"), by: .cli, nil)
            let (root, context) = (world.root, world.context())
            #expect(await code { try await world.access.deleteAdmin(one.id, by: root, context) } == .forbidden)
            let two = try await world.access.createAdmin(draft("two"), by: root, context)
            let signIn = try await world.access.signIn(admin: "two", password: "a long password", context)
            #expect(try await world.access.session(admin: signIn.token)?.adminID == two.id)
            var patch = AdminPatch()
            patch.disabled = true
            _ = try await world.access.updateAdmin(two.id, patch, by: root, context)
            #expect(try await world.access.session(admin: signIn.token) == nil)
            #expect(await code { try await world.access.deleteAdmin(one.id, by: root, context) } == .forbidden)
            try await world.access.deleteAdmin(two.id, by: root, context)
        }
    }

    @Test(
        "a new guard is on trial until an administrator confirms it after it took effect",
        arguments: Driver.available)
    func trial(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000, trial: 60))
            let knoc = try await world.knoc("wiki", [], [spec])
            let target = try #require(try await world.access.knoc(knoc).targets.first)
            #expect(!target.confirmed)
            let confirm = { try await world.access.confirmGuard(target.id, by: world.root, world.context()) }
            #expect(await code(confirm) == .invalid)
            try await agent.sync()
            #expect(await code(confirm) == .invalid)
            let started = AgentMessage.Trial(
                target: target.id, state: .started, flows: 2, sources: [IPAddress("192.0.2.1")!], secondsLeft: 60)
            try await world.access.trial(agent: agent.id, linkEpoch: agent.epoch, trial: started)
            #expect(try await world.access.knoc(knoc).targets.first?.trial == started)
            try await confirm()
            try await agent.sync()
            #expect(await agent.targets[target.id]?.definition.confirmed == true)
            // The same guard in a second Knoc is not new.
            let other = try await world.knoc("other", [], [spec])
            #expect(try await world.access.knoc(other).targets.first?.confirmed == true)
        }
    }

    @Test("a guard that no Knoc uses stays closed until it is taken away by name", arguments: Driver.available)
    func unguard(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let target = try #require(await scene.agent.targets.values.first).definition.id
            let unguard = { try await world.access.unguard(target, by: world.root, world.context()) }
            #expect(await code(unguard) == .invalid)
            let knocs = { try await world.access.knocs(ofTargetsOf: scene.agent.id) }
            #expect(try await knocs() == [target: [KnocName(id: scene.knoc, name: "wiki")]])
            try await world.access.deleteKnoc(scene.knoc, by: world.root, world.context())
            try await scene.agent.sync()
            #expect(await scene.agent.targets[target]?.definition.purpose == .released)
            #expect(try await knocs().isEmpty)
            #expect(await scene.agent.addresses.isEmpty)
            world.clock.advance(seconds: 100_000)
            try await world.access.prune()
            #expect(try await world.access.targets(of: scene.agent.id).count == 1)
            try await unguard()
            try await scene.agent.sync()
            #expect(await scene.agent.targets[target]?.definition.purpose == .unguard)
            #expect(try await world.actions().contains("target.unguard"))
            try await world.access.prune()
            #expect(try await world.access.targets(of: scene.agent.id).isEmpty)
        }
    }

    @Test(
        "a deleted agent takes its entries with it, and the Knoc says that nobody enforces it",
        arguments: Driver.available)
    func deleteAgent(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            try await world.access.deleteAgent(scene.agent.id, by: world.root, world.context())
            #expect(try await world.state(scene.knoc, scene.session) == .failed)
            #expect(try await world.access.knoc(scene.knoc).enforcement.isEmpty)
            #expect(try await world.access.standings(of: [scene.agent.id]).isEmpty)
        }
    }

    @Test("a disabled agent confirms everything anew when it comes back", arguments: Driver.available)
    func disableAgent(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            for (disabled, state) in [(true, KnocState.pending), (false, .pending)] {
                var patch = AgentPatch()
                patch.disabled = disabled
                _ = try await world.access.updateAgent(scene.agent.id, patch, by: world.root, world.context())
                #expect(try await world.state(scene.knoc, scene.session) == state)
            }
            try await scene.agent.sync()
            #expect(try await world.state(scene.knoc, scene.session) == .open)
        }
    }

    @Test("the site in numbers", arguments: Driver.available)
    func dashboard(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let numbers = try await world.access.dashboard()
            #expect(numbers.liveGrants == 1)
            #expect(numbers.sessions == 1)
            #expect(numbers.adminSessions == 0 && numbers.openKnocs == 1)
            #expect(numbers.agentsOnline == 1 && numbers.agentsLinked == 1)
            #expect(numbers.failed == 0)
            let agent = try await world.access.agent(scene.agent.id)
            #expect(agent.entriesWanted == 1)
            #expect(agent.entriesApplied == 1)
            #expect(agent.capabilities == ["nftables": "1.0.6"])
            #expect(try await world.access.listGrants().map(\.state) == [.open])
            #expect(try await world.access.listSessions(live: true).map(\.name) == ["alice"])
        }
    }
}
