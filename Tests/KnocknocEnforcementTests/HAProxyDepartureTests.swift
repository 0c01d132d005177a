import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// Against the real HAProxy, with real connections through it.
@Suite(
    "who has left a list of HAProxy", .serialized, .timeLimit(.minutes(3)),
    .enabled(if: ProxyProcess.available, ProxyProcess.skipped)
)
struct HAProxyDepartureTests {
    let network: TestNetwork
    let proxy: ProxyProcess
    let alice: IPAddress

    init() throws {
        network = try TestNetwork()
        proxy = try ProxyProcess(network)
        alice = network.address(.alice)
    }

    private func place(_ number: UInt128) -> Place { Place(target: target(number), address: alice) }

    @Test("is told once the time is up and the entry is out, and after a removal that was asked for")
    func told() async throws {
        try proxy.start()
        let enforcer = try proxy.enforcer(watch: .seconds(3600))
        var departures = enforcer.departures().makeAsyncIterator()
        _ = await enforcer.define([proxy.target(1, timed: false)])
        _ = await enforcer.apply([.open(member(1, alice, seconds: 1.5))])
        #expect(await departures.next() == [place(1)])
        #expect(try proxy.entries("acl \(proxy.list)").isEmpty)
        _ = await enforcer.apply([.open(member(1, alice))])
        #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
        #expect(await departures.next() == [place(1)])
    }

    @Test("is told when the target goes, too", arguments: [true, false])
    func released(isNamed: Bool) async throws {
        try proxy.start()
        let enforcer = try proxy.enforcer(watch: .seconds(3600))
        var departures = enforcer.departures().makeAsyncIterator()
        _ = await enforcer.define([proxy.target(1)])
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        _ = await enforcer.define(isNamed ? [proxy.target(1, purpose: .released)] : [])
        #expect(try proxy.entries("map \(proxy.map)").isEmpty)
        // Whoever comes and goes next is told of later.
        _ = await enforcer.define([proxy.target(2)])
        _ = await enforcer.apply([.open(member(2, alice))])
        _ = await enforcer.apply([.close(target: target(2), address: alice)])
        #expect(await departures.next() == [place(1)])
    }

    @Test("two targets on one list: told of both when the last of them has ended")
    func shared() async throws {
        try proxy.start()
        let enforcer = try proxy.enforcer(watch: .seconds(3600))
        var departures = enforcer.departures().makeAsyncIterator()
        _ = await enforcer.define([proxy.target(1), proxy.target(2, flows: true)])
        _ = await enforcer.apply([.open(member(1, alice)), .open(member(2, alice))])
        _ = await enforcer.apply([.close(target: target(1), address: alice)])
        #expect(await enforcer.reconcile([proxy.target(1), proxy.target(2, flows: true)], []).stuck.isEmpty)
        #expect(await departures.next().map(Set.init) == [place(1), place(2)])
    }

    @Test("a flow that began while HAProxy could not be told is cut when it has been", arguments: [true, false])
    func cut(timed: Bool) async throws {
        let service = try ChattyService(network, .inner, port: 9000)
        defer { service.stop() }
        try proxy.start()
        let enforcer = CompositeEnforcer(nftables: try network.enforcer(), others: [.haproxy: try proxy.enforcer()])
        #expect(await enforcer.define([proxy.target(1, timed: timed, flows: true)]) == [target(1): .applied])
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        // HAProxy goes on; its socket is out of reach.
        try FileManager.default.moveItem(atPath: proxy.socket, toPath: proxy.socket + ".aside")
        guard case .failed = await enforcer.apply([.close(target: target(1), address: alice)])[0] else {
            throw EnforcementError(.refused, "closed")
        }
        let caller = try #require(
            try Caller(network, .alice, to: network.address(.gateway), port: timed ? 9000 : 9001))
        defer { caller.stop() }
        #expect(caller.hears())
        try FileManager.default.moveItem(atPath: proxy.socket + ".aside", toPath: proxy.socket)
        let name = timed ? "map \(proxy.map)" : "acl \(proxy.list)"
        try proxy.until("the entry is out") { try proxy.entries(name).isEmpty }
        try proxy.until("it is cut") { !caller.hears(milliseconds: 300) }
        _ = await enforcer.versions()
    }
}
