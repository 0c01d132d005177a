import Crypto
import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("the site's data key")
struct DataKeyTests {
    private let place = DataKey.Place(table: "users", row: "7", column: "secret")

    @Test(
        "is made at the first start with a key, and every node with that key has the same", arguments: Driver.available)
    func made(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let key = EncryptionKey()
            try await world.access.unlock(.notGiven)
            #expect(throws: AccessError.self) { try world.access.dataKey() }
            #expect(try await row(world) == nil)
            try await world.access.unlock(.wrapped(key))
            let other = world.secondNode()
            try await other.unlock(.wrapped(key))
            let sealed = try world.access.dataKey().seal([1, 2, 3], for: place)
            #expect(try other.dataKey().open(sealed, from: place) == [1, 2, 3])
            let audit = try await world.access.listAudit(limit: 10).map(\.action)
            #expect(audit == ["site.make_data_key"])
        }
    }

    @Test("many nodes that start at once with one key agree", arguments: Driver.available)
    func race(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let key = EncryptionKey()
            let nodes = (0..<6).map { _ in world.secondNode() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in nodes { group.addTask { try await node.unlock(.wrapped(key)) } }
                try await group.waitForAll()
            }
            let sealed = try nodes[0].dataKey().seal([7], for: place)
            for node in nodes { #expect(try node.dataKey().open(sealed, from: place) == [7]) }
        }
    }

    @Test("another key, and none, is refused and changes nothing", arguments: Driver.available)
    func wrong(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let key = EncryptionKey()
            try await world.access.unlock(.wrapped(key))
            let before = try await row(world)
            for protection in [KeyProtection.wrapped(EncryptionKey()), .notGiven, .unwrapped] {
                #expect(await code { try await world.secondNode().unlock(protection) } == .encryptionKey)
            }
            #expect(try await row(world) == before)
        }
    }

    @Test("the database has neither the key nor the data key", arguments: Driver.available)
    func stored(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let key = EncryptionKey()
            try await world.access.unlock(.wrapped(key))
            let row = try #require(try await row(world))
            let secret = KeyWrapping.bytes(try world.access.dataKey().key)
            #expect(row.wrapping == "aes-256-gcm" && row.material.count == 12 + 32 + 16 && row.check?.count == 32)
            for stored in [row.material, row.check ?? []] {
                #expect(!stored.contains(secret) && !stored.contains(key.bytes))
            }
        }
    }

    @Test(
        "one that stands unwrapped by choice is used as it is, and wrapped by a node with a key",
        arguments: Driver.available)
    func unwrapped(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.access.unlock(.unwrapped)
            let sealed = try world.access.dataKey().seal([9], for: place)
            #expect(try await row(world)?.check == nil)
            let second = world.secondNode()
            try await second.unlock(.notGiven)
            #expect(try second.dataKey().open(sealed, from: place) == [9])
            let key = EncryptionKey()
            try await second.unlock(.wrapped(key))
            #expect(try await row(world)?.wrapping == "aes-256-gcm")
            #expect(try second.dataKey().open(sealed, from: place) == [9])
            #expect(await code { try await world.secondNode().unlock(.wrapped(EncryptionKey())) } == .encryptionKey)
            #expect(await code { try await world.secondNode().unlock(.unwrapped) } == .encryptionKey)
        }
    }

    @Test("a damaged one is said to be damaged, not the key wrong", arguments: Driver.available)
    func damaged(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let key = EncryptionKey()
            try await world.access.unlock(.wrapped(key))
            let stored = try #require(try await row(world))
            var material = stored.material
            material[20] ^= 1
            let changed = material
            try await world.database.write(OperationID.new(at: world.database.estimatedNow())) { tx in
                _ = try await tx.run(Statement("update data_keys set material = $1", changed))
            }
            let error = await #expect(throws: AccessError.self) {
                try await world.secondNode().unlock(.wrapped(key))
            }
            #expect(error?.message.contains("damaged") == true)
        }
    }

    @Test("what is sealed opens at its place only, and only unchanged")
    func places() throws {
        let key = DataKey(key: SymmetricKey(size: .bits256))
        let sealed = try key.seal(Array("secret".utf8), for: place)
        #expect(try key.open(sealed, from: place) == Array("secret".utf8))
        #expect(try key.seal(Array("secret".utf8), for: place) != sealed)
        let others = [
            DataKey.Place(table: "admins", row: "7", column: "secret"),
            DataKey.Place(table: "users", row: "8", column: "secret"),
            DataKey.Place(table: "users", row: "7", column: "other"),
            // The same letters, cut elsewhere.
            DataKey.Place(table: "user", row: "s7", column: "secret"),
            DataKey.Place(table: "users", row: "7s", column: "ecret"),
        ]
        for other in others { #expect(throws: AccessError.self) { try key.open(sealed, from: other) } }
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 0x80
            #expect(throws: AccessError.self) { try key.open(changed, from: place) }
        }
        #expect(throws: AccessError.self) { try key.open([], from: place) }
        let another = DataKey(key: SymmetricKey(size: .bits256))
        #expect(throws: AccessError.self) { try another.open(sealed, from: place) }
    }

    private struct Stored: Equatable {
        var wrapping: String
        var material: [UInt8]
        var check: [UInt8]?
    }

    private func row(_ world: World) async throws -> Stored? {
        try await world.database.run(DataKeyTable.one()).first.map { row in
            Stored(
                wrapping: try row.text("wrapping"), material: try row.blob("material"),
                check: try row.optional("check_value", row.blob))
        }
    }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool { firstRange(of: part) != nil }
}
