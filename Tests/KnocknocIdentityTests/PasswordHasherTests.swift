import KnocknocIdentity
import Testing

@Suite("password hashes")
struct PasswordHasherTests {
    private let cheap = PasswordCost(memory: 8192, passes: 1)

    @Test("a password has its own hash, and no other has it")
    func roundTrip() async throws {
        let hasher = PasswordHasher(cost: cheap)
        let hash = try await hasher.hash("correct horse")
        #expect(hash.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
        #expect(try await hasher.verify("correct horse", hash: hash))
        #expect(try await !hasher.verify("correct horsf", hash: hash))
        #expect(try await !hasher.verify("", hash: hash))
        #expect(try await hasher.hash("correct horse") != hash)
    }

    @Test("the default costs what OWASP advises")
    func cost() async throws {
        let hash = try await PasswordHasher().hash("correct horse")
        #expect(hash.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
    }

    @Test("nobody's password fits where there is no hash, or none that can be read")
    func missing() async throws {
        let hasher = PasswordHasher(cost: cheap)
        #expect(try await !hasher.verify("anything", hash: nil))
        #expect(try await !hasher.verify("anything", hash: "nonsense"))
        #expect(try await !hasher.verify("", hash: ""))
    }

    @Test("a missing hash takes the time of a real one")
    func time() async throws {
        let hasher = PasswordHasher(slots: 1)
        let hash = try await hasher.hash("correct horse")
        let clock = ContinuousClock()
        var real = Duration.zero
        var none = Duration.zero
        for _ in 0..<5 {
            real += try await clock.measure { _ = try await hasher.verify("wrong", hash: hash) }
            none += try await clock.measure { _ = try await hasher.verify("wrong", hash: nil) }
        }
        #expect(none > real * 0.5)
        #expect(none < real * 2)
    }

    @Test("a password of more than a kilobyte is not even hashed")
    func long() async throws {
        let hasher = PasswordHasher(cost: cheap)
        #expect(try await !hasher.verify(String(repeating: "a", count: 1025), hash: nil))
    }

    @Test("whoever finds the queue full, or waits too long, is told so")
    func busy() async throws {
        let full = PasswordHasher(slots: 1, capacity: 0)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (try? await full.verify("x", hash: nil)) != nil } }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(outcomes.contains(true))
        #expect(outcomes.contains(false))
        let impatient = PasswordHasher(slots: 1, patience: .milliseconds(1))
        let errors = await withTaskGroup(of: IdentityError?.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    do {
                        _ = try await impatient.verify("x", hash: nil)
                        return nil
                    } catch {
                        return error as? IdentityError
                    }
                }
            }
            return await group.reduce(into: [IdentityError]()) { if let error = $1 { $0.append(error) } }
        }
        #expect(errors.contains { $0.code == .busy })
        #expect(try await !impatient.verify("x", hash: nil))
    }

    @Test("new passwords have at least ten characters and at most a kilobyte")
    func rule() throws {
        #expect(throws: IdentityError.self) { try PasswordRule.check(new: "123456789") }
        try PasswordRule.check(new: "1234567890")
        try PasswordRule.check(new: "ääääääääää")
        #expect(throws: IdentityError.self) { try PasswordRule.check(new: String(repeating: "a", count: 1025)) }
    }
}
