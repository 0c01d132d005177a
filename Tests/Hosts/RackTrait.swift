import Lab
import Testing

/// Gives the tests of a suite one rack of hosts, and removes it after the last of them.
struct RackTrait: SuiteTrait, TestScoping {
    @TaskLocal static var site: HostedSite?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let rack = try await Rack()
        do {
            try await Self.$site.withValue(HostedSite(on: rack)) { try await function() }
        } catch {
            await rack.remove()
            throw error
        }
        await rack.remove()
    }

    /// Runs `body` on the site; what failed is thrown with what its hosts logged.
    static func with(_ body: (HostedSite) async throws -> Void) async throws {
        guard let site else { throw LabError("this suite has no .rack") }
        do {
            try await body(site)
        } catch {
            throw LabError("\(error)\n\(await site.rack.journals())")
        }
    }
}

extension Trait where Self == RackTrait {
    static var rack: RackTrait { RackTrait() }
}
