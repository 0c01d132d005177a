import KnocknocIdentity
import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("the set-up link")
struct SetUpLinkTests {
    @Test("is not made void by another node's", arguments: Driver.available)
    func nodes(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            #expect(try await world.access.needsFirstAdmin())
            let printed = try #require(try await world.access.setUpLink())
            let other = try #require(try await world.secondNode().setUpLink())
            let redeem = { (token: String, name: String) in
                try await world.access.redeem(setUp: token, name: name, password: "a long password", world.context())
            }
            _ = try await redeem(printed, "root")
            #expect(await code { _ = try await redeem(other, "two") } == .unauthenticated)
            #expect(try await !world.access.needsFirstAdmin())
        }
    }

    @Test("a token that is not good costs no hash, and failures are counted by network", arguments: Driver.available)
    func hashes(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            // Hashing cannot succeed here: it would need more memory than there is, and say so.
            let greedy = PasswordHasher(cost: PasswordCost(memory: Int.max, passes: 1))
            let access = Access(
                database: world.database, hasher: greedy, node: "a", options: AccessOptions(), logger: World.logger)
            let redeem = { (token: String, address: String) in
                _ = try await access.redeem(
                    setUp: token, name: "root", password: "a long password", world.context(address))
            }
            let token = try #require(try await access.setUpLink())
            #expect(await code { try await redeem(token, "192.0.2.7") } == .busy)
            for _ in 0..<5 { #expect(await code { try await redeem("nonsense", "192.0.2.7") } == .unauthenticated) }
            #expect(await code { try await redeem(token, "192.0.2.99") } == .throttled)
            #expect(await code { try await redeem(token, "198.51.100.1") } == .busy)
            _ = try await world.access.redeem(
                setUp: token, name: "root", password: "a long password", world.context("198.51.100.1"))
            #expect(await code { try await redeem(token, "203.0.113.1") } == .unauthenticated)
        }
    }
}
