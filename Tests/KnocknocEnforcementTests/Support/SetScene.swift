import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// What any set does for whoever is in it, where rules look at it after they have accepted what is established.
extension TestNetwork {
    /// One who is let in comes through, and nobody else; taken out, no byte passes either way.
    func expectOpening(_ definition: TargetDefinition, to host: Host, _ family: IPAddress.Family) async throws {
        let service = try ChattyService(self, host, port: 9000)
        defer { service.stop() }
        let enforcer = try enforcer()
        let (address, alice) = (address(host, family), address(.alice, family))
        #expect(await enforcer.define([definition]) == [target(1): .applied])
        #expect(try !connects(.alice, to: address))
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        let caller = try #require(try Caller(self, .alice, to: address, port: 9000))
        defer { caller.stop() }
        #expect(caller.hears())
        #expect(try !connects(.mallory, to: address))
        #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
        expectSilence(caller, service)
        #expect(try !connects(.alice, to: address))
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        #expect(try connects(.alice, to: address))
    }

    /// Shared by two targets it lets in until the last one ends, and for as long as the longer one says.
    ///
    /// - Parameter left: what the set says is left of an address's time, in seconds; 0 where it is not in it.
    func expectSharing(
        _ one: TargetDefinition, _ two: TargetDefinition, left: (IPAddress) throws -> Int64
    ) async throws {
        let service = try ChattyService(self, .gateway, port: 9000)
        defer { service.stop() }
        let enforcer = try enforcer()
        let alice = address(.alice)
        _ = await enforcer.define([one, two])
        _ = await enforcer.apply([.open(member(1, alice, seconds: 60)), .open(member(2, alice, seconds: 3000))])
        let caller = try #require(try Caller(self, .alice, to: address(.gateway), port: 9000))
        defer { caller.stop() }
        #expect(try left(alice) > 2900)
        _ = await enforcer.apply([.close(target: target(2), address: alice)])
        #expect(try (1...60).contains(left(alice)))
        #expect(caller.hears())
        _ = await enforcer.apply([.close(target: target(1), address: alice)])
        expectSilence(caller, service)
    }
}
