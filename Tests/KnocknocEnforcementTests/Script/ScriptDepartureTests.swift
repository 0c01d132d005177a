import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("who has left a script's list", .timeLimit(.minutes(4)))
struct ScriptDepartureTests {
    private let one = IPAddress.v4(0xc000_0201)

    @Test("is told when the call has ended, however long after the answer")
    func late() async throws {
        let folder = try ScriptFolder("[ $1 != del ] || until [ -e $here/go ]; do sleep 0.01; done")
        let enforcer = folder.enforcer(patience: 20)
        var departures = enforcer.departures().makeAsyncIterator()
        _ = await enforcer.define([folder.target(1)])
        #expect(try await folder.next() == "flush gate")
        _ = await enforcer.apply([.open(member(1, one))])
        #expect(try await folder.next() == "add gate 192.0.2.1")
        let outcome = await enforcer.apply([.close(target: target(1), address: one)])[0]
        guard case .failed(let reason) = outcome else { throw EnforcementError(.refused, "closed") }
        #expect(reason.hasPrefix("still running"))
        try folder.make("go")
        #expect(await departures.next() == [Place(target: target(1), address: one)])
        #expect(try await folder.next() == "del gate 192.0.2.1")
    }

    @Test("is nobody who was let in again before the call ended")
    func again() async throws {
        let folder = try ScriptFolder("[ $1 != del ] || until [ -e $here/go ]; do sleep 0.01; done")
        let enforcer = folder.enforcer(patience: 20)
        var departures = enforcer.departures().makeAsyncIterator()
        let two = IPAddress.v4(0xc000_0202)
        _ = await enforcer.define([folder.target(1)])
        _ = await enforcer.apply([.open(member(1, one)), .open(member(1, two))])
        for line in ["flush gate", "add gate 192.0.2.1", "add gate 192.0.2.2"] {
            #expect(try await folder.next() == line)
        }
        _ = await enforcer.apply([.close(target: target(1), address: one)])
        _ = await enforcer.apply([.open(member(1, one))])
        try folder.make("go")
        #expect(try await folder.next() == "del gate 192.0.2.1")
        #expect(try await folder.next() == "add gate 192.0.2.1")
        _ = await enforcer.apply([.close(target: target(1), address: two)])
        #expect(try await folder.next() == "del gate 192.0.2.2")
        #expect(await departures.next() == [Place(target: target(1), address: two)])
    }

    @Test("is told at the end of the time, and when the whole list goes")
    func others() async throws {
        let folder = try ScriptFolder()
        let enforcer = folder.enforcer()
        var departures = enforcer.departures().makeAsyncIterator()
        _ = await enforcer.define([folder.target(1)])
        #expect(await enforcer.apply([.open(member(1, one, seconds: 3))]) == [.applied])
        #expect(await departures.next() == [Place(target: target(1), address: one)])
        #expect(await enforcer.apply([.open(member(1, one))]) == [.applied])
        #expect(await enforcer.define([folder.target(1, purpose: .released)]) == [target(1): .applied])
        #expect(await departures.next() == [Place(target: target(1), address: one)])
    }
}
