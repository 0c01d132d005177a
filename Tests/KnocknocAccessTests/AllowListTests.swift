import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("allow lists in the store")
struct AllowListTests {
    private static let server = EnforcementSpec(agentID: .server, backend: .allowList(.init()))

    /// Bob's Knoc with a list, and a key for it.
    private struct Fixture {
        let world: World
        let knoc: KnocID
        let list: AllowListID
        let key: APIKeyRecord
        let secret: String

        init(_ world: World, _ specs: [EnforcementSpec] = [AllowListTests.server], seconds: Int64? = nil) async throws {
            self.world = world
            let group = try await world.group("staff")
            try await world.user("bob", in: [group])
            try await world.user("eve", in: [group])
            knoc = try await world.knoc("Wiki", [group], specs, seconds: seconds)
            list = try #require(try await world.access.knoc(knoc).allowList)
            let made = try await world.access.createAPIKey(
                APIKeyTests.draft(), by: world.root, world.context())
            (key, secret) = (made.key, made.secret)
        }

        func fetch(_ access: Access? = nil, from address: String = "192.0.2.99", _ secret: String? = nil) async throws
            -> String
        {
            switch try await (access ?? world.access).allowList(
                list, secret: secret ?? self.secret, as: .text, from: IPAddress(address))
            {
            case .list(let document):
                String(decoding: document.text.bytes, as: UTF8.self).split(separator: "\n").dropFirst()
                    .joined(separator: " ")
            case .unknownKey: "unknown key"
            case .refused(let reason): "refused: \(reason)"
            case .noList: "no list"
            }
        }

        /// The audit's lines of one kind, the newest first.
        func audited(_ action: String) async throws -> [AuditRecord] {
            try await world.access.listAudit(limit: 1000).filter { $0.action == action }
        }
    }

    @Test(
        "a grant is open with its commit, on the list of every node, and off it with the revoke",
        arguments: Driver.available)
    func grant(_ driver: Driver) async throws {
        try await World.with(driver) { (world: World) async throws in
            let site = try await Fixture(world)
            let other = world.secondNode()
            #expect(try await site.fetch() == "")
            let bob = try await world.signIn("bob", from: "198.51.100.7")
            let item = try await world.access.grant(site.knoc, bob, world.context("198.51.100.7"))
            #expect(item.state == .open)
            #expect(try await site.fetch() == "198.51.100.7")
            #expect(try await site.fetch(other) == "198.51.100.7")
            let eve = try await world.signIn("eve", from: "2001:db8::5")
            _ = try await other.grant(site.knoc, eve, world.context("2001:db8::5"))
            #expect(try await site.fetch() == "198.51.100.7 2001:db8::5")
            #expect(try await world.access.revoke(site.knoc, bob, world.context()).state == .closed)
            #expect(try await site.fetch() == "2001:db8::5")
            #expect(try await site.fetch(other) == "2001:db8::5")
        }
    }

    @Test("a line is left out when its time has come, whether or not anybody has swept", arguments: Driver.available)
    func expiry(_ driver: Driver) async throws {
        try await World.with(driver) { (world: World) async throws in
            let site = try await Fixture(world, seconds: 60)
            let bob = try await world.signIn("bob", from: "198.51.100.7")
            _ = try await world.access.grant(site.knoc, bob, world.context("198.51.100.7"))
            world.clock.advance(seconds: 30)
            let eve = try await world.signIn("eve", from: "198.51.100.8")
            _ = try await world.access.grant(site.knoc, eve, world.context("198.51.100.8"))
            #expect(try await site.fetch() == "198.51.100.7 198.51.100.8")
            world.clock.advance(seconds: 31)
            #expect(try await site.fetch() == "198.51.100.8")
            world.clock.advance(seconds: 30)
            #expect(try await site.fetch() == "")
            // Swept, confirmed and pruned like any other.
            try await world.access.endExpired()
            #expect(try await world.state(site.knoc, bob) == .closed)
            world.clock.advance(seconds: 61)
            try await world.access.prune()
            #expect(try await world.database.run(Statement("select id from entries")).isEmpty)
        }
    }

    @Test("a Knoc that is taken away leaves an empty list, not none: devices keep what they cannot fetch")
    func ended() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let site = try await Fixture(world)
            let bob = try await world.signIn("bob", from: "198.51.100.7")
            _ = try await world.access.grant(site.knoc, bob, world.context("198.51.100.7"))
            // Elsewhere: the server serves what it enforces itself, and its list does not change its address.
            let agent = try await world.agent()
            var patch = KnocPatch()
            patch.enforcement = [EnforcementSpec(agentID: agent.id, backend: .allowList(.init()))]
            _ = try await world.access.updateKnoc(site.knoc, patch, by: world.root, world.context())
            #expect(try await site.fetch() == "")
            patch.enforcement = [Self.server]
            let back = try await world.access.updateKnoc(site.knoc, patch, by: world.root, world.context())
            #expect(back.allowList == site.list)
            #expect(try await site.fetch() == "198.51.100.7")
            #expect(try await world.state(site.knoc, bob) == .open)
            try await world.access.deleteKnoc(site.knoc, by: world.root, world.context())
            #expect(try await site.fetch() == "")
            // What was on it is forgotten as anywhere else: confirmed, and a minute later pruned.
            try await world.access.prune()
            world.clock.advance(seconds: 61)
            for _ in 1...2 { try await world.access.prune() }
            let left = Statement("select id from targets where agent_id = $1", AgentID.server)
            #expect(try await world.database.run(left).isEmpty)
        }
    }

    @Test("the site itself is no agent: it is in no list, cannot be read, changed or deleted, and takes lists alone")
    func serverItself() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let access = world.access
            #expect(try await access.listAgents().isEmpty)
            #expect(try await access.dashboard().agents == 0)
            #expect(await code { _ = try await access.agent(.server) } == .notFound)
            #expect(
                await code {
                    _ = try await access.updateAgent(.server, AgentPatch(), by: world.root, world.context())
                } == .notFound)
            #expect(await code { try await access.deleteAgent(.server, by: world.root, world.context()) } == .notFound)
            let flows = FlowMatch(protocol: .tcp, ports: [22])
            for backend in [Backend.dryRun, guardPort(9000), .allowList(.init(flows: flows))] {
                let draft = KnocDraft(
                    name: "Wiki", enforcement: [EnforcementSpec(agentID: .server, backend: backend)])
                #expect(
                    await code { _ = try await access.createKnoc(draft, by: world.root, world.context()) } == .invalid)
            }
        }
    }

    @Test("a key is refused when it is disabled, over, deleted, from elsewhere or for something else")
    func keys() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let site = try await Fixture(world)
            let access = world.access
            #expect(try await site.fetch(nil, "knk_no") == "unknown key")
            #expect(try await site.fetch(from: "203.0.113.1") == "refused: the key is not for 203.0.113.1")
            #expect(try await site.fetch(from: "").hasPrefix("refused: this server cannot tell"))
            func change(_ body: (inout APIKeyPatch) -> Void) async throws {
                var patch = APIKeyPatch()
                body(&patch)
                _ = try await access.updateAPIKey(site.key.id, patch, by: world.root, world.context())
            }
            try await change { $0.disabled = true }
            #expect(try await site.fetch() == "unknown key")
            try await change { $0.disabled = false }
            #expect(try await site.fetch() == "")
            try await world.database.write(.new(at: world.database.estimatedNow())) { tx in
                _ = try await tx.run(Statement("update api_keys set scopes = 'users.write'"))
            }
            #expect(try await site.fetch() == "refused: the key has not the scope allowlists.read")
            try await change { $0.scopes = [.readAllowLists] }
            let end = try await access.clock(world.database).adding(seconds: 60)
            try await change { $0.expiresAt = .set(end) }
            #expect(try await site.fetch() == "")
            world.clock.advance(seconds: 61)
            #expect(try await site.fetch() == "unknown key")
            try await change { $0.expiresAt = .set(nil) }
            #expect(try await site.fetch() == "")
            try await access.deleteAPIKey(site.key.id, by: world.root, world.context())
            #expect(try await site.fetch() == "unknown key")
        }
    }

    @Test(
        "an agent is told where its list is and who may fetch it, again whenever a key changes, and nobody's state flickers",
        arguments: Driver.available)
    func agents(_ driver: Driver) async throws {
        try await World.with(driver) { (world: World) async throws in
            let agent = try await world.agent()
            let site = try await Fixture(world, [EnforcementSpec(agentID: agent.id, backend: .allowList(.init()))])
            try await agent.sync()
            func service() async throws -> AllowListService {
                let targets = await agent.targets.values.map(\.definition.backend)
                guard case .allowList(let list)? = targets.first, targets.count == 1 else {
                    throw AccessError(.invalid, "no list")
                }
                return try #require(list.service)
            }
            var told = try await service()
            #expect(told.id == site.list)
            #expect(told.keys.map(\.hash) == [Secret.hash(site.secret)])
            let bob = try await world.signIn("bob", from: "198.51.100.7")
            _ = try await world.access.grant(site.knoc, bob, world.context("198.51.100.7"))
            #expect(try await world.state(site.knoc, bob) == .pending)
            // The server serves only what it enforces itself.
            #expect(try await site.fetch() == "")
            try await agent.sync()
            #expect(try await world.state(site.knoc, bob) == .open)
            let second = try await world.access.createAPIKey(
                APIKeyTests.draft("second", "::/0"), by: world.root, world.context())
            #expect(try await world.state(site.knoc, bob) == .open)
            try await agent.read()
            told = try await service()
            #expect(told.keys.map(\.id) == [site.key.id, second.key.id].sorted())
            try await world.access.deleteAPIKey(site.key.id, by: world.root, world.context())
            try await agent.read()
            told = try await service()
            #expect(told.keys.map(\.id) == [second.key.id])
            #expect(await agent.addresses == ["198.51.100.7"])
            // Administrators see what they wrote.
            let record = try await world.access.knoc(site.knoc)
            #expect(record.targets.map(\.backend) == [.allowList(.init())])
            #expect(record.enforcement.map(\.backend) == [.allowList(.init())])
        }
    }

    @Test("fetches are audited at once, and then once a minute with their count, for each key, address and list")
    func audit() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let site = try await Fixture(world)
            func lines(_ action: String = "AllowlistRetrieved") async throws -> [String] {
                try await world.access.noteFetches()
                return try await site.audited(action).reversed().map {
                    "\($0.address?.description ?? "-") \($0.details["count"] ?? "") \($0.details["reason"] ?? $0.subjectName ?? "")"
                }
            }
            for _ in 1...3 { _ = try await site.fetch() }
            _ = try await site.fetch(from: "192.0.2.98")
            #expect(Set(try await lines()) == ["192.0.2.99 3 Wiki", "192.0.2.98 1 Wiki"])
            for _ in 1...4 { _ = try await site.fetch() }
            world.clock.advance(seconds: 59)
            #expect(try await lines().count == 2)
            world.clock.advance(seconds: 1)
            #expect(try await lines().last == "192.0.2.99 4 Wiki")
            world.clock.advance(seconds: 600)
            #expect(try await lines().count == 3)
            let record = try await world.access.apiKey(site.key.id)
            #expect(record.lastUsedAt != nil && ["192.0.2.99", "192.0.2.98"].contains(record.lastAddress?.description))
            for _ in 1...2 { _ = try await site.fetch(from: "203.0.113.1") }
            _ = try await site.fetch(nil, "knk_no")
            #expect(try await lines("AllowlistRefused") == ["203.0.113.1 2 the key is not for 203.0.113.1"])
            #expect(try await lines().count == 3)
            // At the end whatever is left is written.
            _ = try await site.fetch()
            _ = try await site.fetch(from: "203.0.113.1")
            try await world.access.noteFetches(all: true)
            #expect(try await lines("AllowlistRefused").count == 2)
        }
    }

    @Test("whoever has a refused key fills no audit: no list is named that is none, and the many are one line")
    func flood() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let site = try await Fixture(world)
            func lines(_ action: String) async throws -> [AuditRecord] {
                try await world.access.noteFetches()
                return try await site.audited(action)
            }
            func ask(_ list: AllowListID, _ address: IPAddress) async throws {
                _ = try await world.access.allowList(list, secret: site.secret, as: .text, from: address)
            }
            let base: UInt32 = 0xcb00_7100
            for _ in 0..<40 { try await ask(.random(), .v4(base)) }
            let first = try await lines("AllowlistRefused")
            #expect(first.map { $0.details["count"] } == ["40"] && first.allSatisfy { $0.subjectID == nil })
            for number in 1...UInt32(40) { try await ask(site.list, .v4(base + number)) }
            let refused = try await lines("AllowlistRefused")
            #expect(refused.count == FetchLog.mostRefused + 1)
            #expect(refused.compactMap { $0.details["count"].flatMap { Int($0) } }.reduce(0, +) == 80)
            let rest = refused.filter { $0.address == nil }
            #expect(rest.map { $0.details["reason"] } == ["from further addresses, or for further lists"])
            // Where it is not refused it is counted as ever.
            _ = try await site.fetch()
            #expect(try await lines("AllowlistRetrieved").map(\.subjectName) == ["Wiki"])
        }
    }

    @Test("what an agent says of fetches is audited, and its keys are in use")
    func reported() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let agent = try await world.agent()
            let site = try await Fixture(world, [EnforcementSpec(agentID: agent.id, backend: .allowList(.init()))])
            let address = try #require(IPAddress("192.0.2.44"))
            try await world.access.fetched(
                agent: agent.id,
                .init(fetches: [.init(list: site.list, key: site.key.id, address: address, count: 12)]))
            let line = try #require(try await world.access.listAudit().first { $0.action == "AllowlistRetrieved" })
            #expect(line.actorKind == "agent" && line.actorID == agent.id.description)
            #expect(line.details["count"] == "12" && line.address == address)
            #expect(try await world.access.apiKey(site.key.id).lastAddress == address)
        }
    }

    @Test("an agent speaks for its own lists alone, and for keys that are for lists", arguments: Driver.available)
    func othersLists(_ driver: Driver) async throws {
        try await World.with(driver) { (world: World) async throws in
            let (agent, other) = (try await world.agent("gw1"), try await world.agent("gw2"))
            let site = try await Fixture(
                world,
                [
                    EnforcementSpec(agentID: agent.id, backend: .allowList(.init())),
                    EnforcementSpec(agentID: other.id, backend: guardPort(9000)),
                ])
            let address = try #require(IPAddress("192.0.2.44"))
            func tell(_ agent: AgentID, list: AllowListID? = nil, key: APIKeyID? = nil, _ counts: Int...) async throws {
                let fetches = counts.map {
                    AgentMessage.Fetched.Fetch(
                        list: list ?? site.list, key: key ?? site.key.id, address: address, count: $0)
                }
                try await world.access.fetched(agent: agent, .init(fetches: fetches))
            }
            func lines() async throws -> [AuditRecord] { try await site.audited("AllowlistRetrieved") }
            // It lets people in to the same Knoc, and has no list of it.
            try await tell(other.id, 1)
            try await tell(agent.id, list: .random(), 1)
            try await tell(agent.id, key: .new(at: SystemTime.now()), 1)
            try await tell(agent.id, 0, -5)
            #expect(try await lines().isEmpty)
            #expect(try await world.access.apiKey(site.key.id).lastUsedAt == nil)
            try await tell(agent.id, 5, 7, 0)
            let line = try #require(try await lines().first)
            #expect(try await lines().count == 1)
            #expect(line.details["count"] == "12" && line.details["key_name"] == "fw" && line.subjectName == "Wiki")
            // What was fetched with a key until the agent heard of its end is said all the same.
            var patch = APIKeyPatch()
            patch.disabled = true
            _ = try await world.access.updateAPIKey(site.key.id, patch, by: world.root, world.context())
            try await tell(agent.id, 1)
            #expect(try await lines().count == 2)
            try await world.database.write(.new(at: world.database.estimatedNow())) { tx in
                _ = try await tx.run(Statement("update api_keys set scopes = 'users.write'"))
            }
            try await tell(agent.id, 1)
            #expect(try await lines().count == 2)
        }
    }

    @Test("a list is written once for each change, however many fetch it")
    func cache() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let site = try await Fixture(world)
            func document() async throws -> AllowListDocument {
                guard
                    case .list(let document) = try await world.access.allowList(
                        site.list, secret: site.secret, as: .text, from: IPAddress("192.0.2.99"))
                else { throw AccessError(.invalid, "no list") }
                return document
            }
            let first = try await document()
            #expect(try await document() === first)
            let bob = try await world.signIn("bob", from: "198.51.100.7")
            _ = try await world.access.grant(site.knoc, bob, world.context("198.51.100.7"))
            let second = try await document()
            #expect(second !== first && second.text.tag != first.text.tag && second.text.tag != second.json.tag)
            _ = try await world.access.revoke(site.knoc, bob, world.context())
            // The same content has the same tag, whatever happened meanwhile.
            #expect(try await document().text.tag == first.text.tag)
        }
    }
}
