import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("API keys")
struct APIKeyTests {
    static func draft(
        _ name: String = "fw", _ networks: String = "192.0.2.0/24", expiresAt: Timestamp? = nil
    ) throws -> APIKeyDraft {
        APIKeyDraft(
            name: name, scopes: [.readAllowLists],
            networks: try networks.split(separator: " ").map { try CIDR(parsing: String($0)) }, expiresAt: expiresAt)
    }

    @Test("a key is made, read, changed and deleted, and its secret is in no row", arguments: Driver.available)
    func life(_ driver: Driver) async throws {
        try await World.with(driver) { (world: World) async throws in
            let access = world.access
            let made = try await access.createAPIKey(Self.draft(), by: world.root, world.context())
            #expect(made.secret.hasPrefix("knk_") && made.secret.utf8.count == 47)
            #expect(try await access.listAPIKeys() == [made.key])
            let rows = try await world.database.run(Statement("select secret_hash from api_keys"))
            #expect(try rows.map { try $0.blob("secret_hash") } == [Secret.hash(made.secret)])
            var patch = APIKeyPatch()
            patch.name = "fw2"
            patch.networks = [try CIDR(parsing: "::/0"), try CIDR(parsing: "::/0")]
            patch.expiresAt = .set(Timestamp(microseconds: 4_000_000_000_000_000))
            let next = try await access.updateAPIKey(
                made.key.id, patch, version: made.key.version, by: world.root, world.context())
            #expect(next.name == "fw2" && next.networks.map(\.description) == ["::/0"] && next.version == 2)
            #expect(next.expiresAt?.microseconds == 4_000_000_000_000_000)
            #expect(
                await code {
                    _ = try await access.updateAPIKey(
                        made.key.id, patch, version: 1, by: world.root, world.context())
                } == .stale)
            try await access.deleteAPIKey(made.key.id, by: world.root, world.context())
            #expect(await code { _ = try await access.apiKey(made.key.id) } == .notFound)
            #expect(
                try await world.actions().filter { $0.hasPrefix("api_key") }
                    == ["api_key.delete", "api_key.update", "api_key.create"])
        }
    }

    @Test("what cannot be is refused: nowhere, for nothing, over already, a name twice", arguments: Driver.available)
    func refused(_ driver: Driver) async throws {
        try await World.with(driver) { (world: World) async throws in
            let access = world.access
            func made(_ draft: APIKeyDraft) async -> AccessError? {
                do {
                    _ = try await access.createAPIKey(draft, by: world.root, world.context())
                    return nil
                } catch { return error as? AccessError }
            }
            #expect(await made(try Self.draft("a", ""))?.field == "networks")
            var nothing = try Self.draft("a")
            nothing.scopes = []
            #expect(await made(nothing)?.field == "scopes")
            #expect(await made(try Self.draft("a", expiresAt: Timestamp(microseconds: 1)))?.field == "expires_at")
            #expect(await made(try Self.draft("a")) == nil)
            #expect(await made(try Self.draft("A"))?.code == .duplicate)
        }
    }

    @Test(
        "there are as many keys for lists as one message holds, and the rest still works", arguments: Driver.available)
    func most(_ driver: Driver) async throws {
        try await World.with(driver) { (world: World) async throws in
            let access = world.access
            let first = try await access.createAPIKey(Self.draft("first"), by: world.root, world.context()).key
            let now = world.database.estimatedNow()
            try await world.database.write(.new(at: now)) { tx in
                let more = (1..<AllowListService.mostKeys).map { number in
                    APIKeyTable.insert(
                        .new(at: now),
                        .init(
                            name: "k\(number)", key: "k\(number)", scopes: "allowlists.read", networks: "::/0",
                            expiresAt: nil, disabled: false), hash: Secret.hash("\(number)"), now: now)
                }
                _ = try await tx.run(more)
            }
            func change(_ body: (inout APIKeyPatch) -> Void) async throws {
                var patch = APIKeyPatch()
                body(&patch)
                _ = try await access.updateAPIKey(first.id, patch, by: world.root, world.context())
            }
            func make() async throws {
                _ = try await access.createAPIKey(Self.draft("more"), by: world.root, world.context())
            }
            #expect(await code { try await make() } == .invalid)
            try await change { $0.name = "renamed" }
            try await change { $0.disabled = true }
            try await make()
            #expect(await code { try await change { $0.disabled = false } } == .invalid)
            try await change { $0.name = "again" }
            try await access.deleteAPIKey(first.id, by: world.root, world.context())
        }
    }

    @Test("the most keys with the longest networks are one row of one message")
    func size() throws {
        let network = try CIDR(parsing: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124")
        let keys = (0..<AllowListService.mostKeys).map { _ in
            AllowListKey(
                id: .new(at: SystemTime.now()), hash: [UInt8](repeating: 255, count: 32),
                networks: Array(repeating: network, count: AllowListService.mostNetworks),
                expiresAt: SystemTime.now())
        }
        let row = TargetRow(
            definition: .init(
                id: .new(at: SystemTime.now()),
                backend: .allowList(.init(service: AllowListService(id: .random(), keys: keys))), confirmed: true,
                purpose: .enforce), revision: 1)
        let stamp = AgentStamp(boot: "", time: BootTime(milliseconds: 0))
        let message = try Codec.encode(ServerMessage.snapshotChunk(.init(since: stamp, targets: [row], entries: [])))
        #expect(message.count < Codec.maximumBytes - (64 << 10))
    }

    @Test("a key that nobody uses is disabled, with a line in the audit, and may be enabled again")
    func idle() async throws {
        try await World.with(.sqlite) { (world: World) async throws in
            let access = world.access
            let idle = try await access.createAPIKey(Self.draft("idle"), by: world.root, world.context())
            let used = try await access.createAPIKey(Self.draft("used"), by: world.root, world.context())
            world.clock.advance(seconds: 89 * 86_400)
            try await access.endIdleKeys()
            #expect(try await !access.apiKey(idle.key.id).disabled)
            let address = try #require(IPAddress("192.0.2.3"))
            _ = try await access.allowList(.random(), secret: "knk_x", as: .text, from: address)
            access.fetches.note(
                .init(key: used.key.id, keyName: "used", address: address, list: .random(), format: .text))
            try await access.noteFetches()
            world.clock.advance(seconds: 2 * 86_400)
            try await access.endIdleKeys()
            #expect(try await access.apiKey(idle.key.id).disabled)
            let record = try await access.apiKey(used.key.id)
            #expect(!record.disabled && record.lastAddress == address)
            let line = try #require(try await access.listAudit().first { $0.action == "api_key.update" })
            #expect(line.actorKind == "system" && line.details["reason"] == "unused for 90 days")
            var patch = APIKeyPatch()
            patch.disabled = false
            _ = try await access.updateAPIKey(idle.key.id, patch, by: world.root, world.context())
            try await access.endIdleKeys()
            #expect(try await !access.apiKey(idle.key.id).disabled)
        }
    }
}
