import Foundation
import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocEnforcement

/// Against the real HAProxy, with real connections through it.
@Suite(
    "lists of HAProxy", .serialized, .timeLimit(.minutes(2)), .enabled(if: ProxyProcess.available, ProxyProcess.skipped)
)
struct HAProxyTests {
    let network: TestNetwork
    let proxy: ProxyProcess
    let service: ChattyService

    init() throws {
        network = try TestNetwork()
        proxy = try ProxyProcess(network)
        service = try ChattyService(network, .inner, port: 9000)
    }

    @Test("opens and closes for that address alone", arguments: IPAddress.Family.allCases, [true, false])
    func opensAndCloses(family: IPAddress.Family, timed: Bool) async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        let (alice, port) = (network.address(.alice, family), UInt16(timed ? 9000 : 9001))
        #expect(await enforcer.define([proxy.target(1, timed: timed)]) == [target(1): .applied])
        #expect(try !proxy.passes(.alice, family, port: port))
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        #expect(try proxy.passes(.alice, family, port: port))
        #expect(try !proxy.passes(.mallory, family, port: port))
        // Once more, for longer, then for less: one entry, not two, and the last word counts.
        for seconds in [1200.0, 60] {
            let end = (BootClock.wall() / 1000) + Int64(seconds)
            #expect(await enforcer.apply([.open(member(1, alice, seconds: seconds))]) == [.applied])
            let shown = try #require(
                ProxyList.entries(in: try proxy.ask("show " + (timed ? "map \(proxy.map)" : "acl \(proxy.list)"))))
            #expect(shown.map(\.key) == [alice.description])
            let value = try shown.first?.value.map { try #require(Int64($0)) }
            if timed { #expect(value.map { (end - 1...end + 30).contains($0) } == true) }
        }
        #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
        #expect(try !proxy.passes(.alice, family, port: port))
        #expect(try ListFile.keys(in: String(contentsOfFile: timed ? proxy.map : proxy.list, encoding: .utf8)).isEmpty)
    }

    @Test("a prefix is a network in the list, file and proxy alike", arguments: [true, false])
    func prefix(timed: Bool) async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        var definition = proxy.target(1, timed: timed)
        definition.backend.ipv6Prefix = 64
        let single = proxy.target(2, timed: timed)
        #expect(await enforcer.define([definition, single]) == [target(1): .applied, target(2): .applied])
        let (whole, port) = (IPAddress.v6(0xfd77_0001 << 96), UInt16(timed ? 9000 : 9001))
        #expect(await enforcer.apply([.open(member(1, whole))]) == [.applied])
        #expect(try proxy.passes(.alice, .v6, port: port))
        #expect(try !proxy.passes(.mallory, .v6, port: port))
        let (file, name) = timed ? (proxy.map, "map \(proxy.map)") : (proxy.list, "acl \(proxy.list)")
        #expect(try ListFile.keys(in: String(contentsOfFile: file, encoding: .utf8)) == ["fd77:1::/64"])
        proxy.stop()
        try proxy.start()
        try proxy.until("it is known again") { try proxy.entries(name).keys.contains("fd77:1::/64") }
        let members = [member(1, whole), member(2, network.address(.mallory, .v6))]
        let result = await enforcer.reconcile([definition, single], members)
        #expect((result.added, result.removed) == (1, 0))
        #expect(try proxy.passes(.mallory, .v6, port: port))
        #expect(await enforcer.apply([.close(target: target(1), address: whole)]) == [.applied])
        #expect(try !proxy.passes(.alice, .v6, port: port))
    }

    @Test("a map ends by itself, with the agent dead and HAProxy started anew from the file")
    func ends() async throws {
        defer { service.stop() }
        try proxy.start()
        let alice = member(1, network.address(.alice), seconds: 4)
        do {
            let enforcer = try proxy.enforcer()
            _ = await enforcer.define([proxy.target(1)])
            #expect(await enforcer.apply([.open(alice)]) == [.applied])
        }
        proxy.stop()
        try proxy.start()
        #expect(try proxy.passes(.alice))
        try proxy.until("the time is up") { try !proxy.passes(.alice) }
        // HAProxy counts whole seconds, and never too many.
        #expect(BootClock.now() <= alice.deadline.adding(milliseconds: 1000))
        #expect(try proxy.entries("map \(proxy.map)").count == 1)
    }

    @Test("an access list is ended by the agent when the time is up")
    func endsByAgent() async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        _ = await enforcer.define([proxy.target(1, timed: false)])
        let alice = member(1, network.address(.alice), seconds: 2)
        #expect(await enforcer.apply([.open(alice)]) == [.applied])
        #expect(try proxy.passes(.alice, port: 9001))
        try proxy.until("it is empty") { try proxy.entries("acl \(proxy.list)").isEmpty }
        #expect(BootClock.now() >= alice.deadline)
        #expect(try !proxy.passes(.alice, port: 9001))
    }

    @Test(
        "outlives a reload and a restart; what was changed in between is made up for by itself",
        arguments: [true, false])
    func comesBack(timed: Bool) async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        var disturbances = enforcer.disturbances().makeAsyncIterator()
        let (alice, mallory, port) = (network.address(.alice), network.address(.mallory), UInt16(timed ? 9000 : 9001))
        let name = timed ? "map \(proxy.map)" : "acl \(proxy.list)"
        _ = await enforcer.define([proxy.target(1, timed: timed)])
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        try proxy.reload()
        #expect(try proxy.passes(.alice, port: port))
        // Somebody who is away is told when he is back; until then the change is not in force, and said not to be.
        proxy.stop()
        let failed = await enforcer.apply([
            .open(member(1, mallory)), .close(target: target(1), address: alice),
        ])
        guard case .failed(let reason)? = failed.first else { throw EnforcementError(.refused, "\(failed)") }
        #expect(reason.contains(proxy.socket))
        let owed = await enforcer.reconcile([proxy.target(1, timed: timed)], [member(1, mallory)])
        #expect(owed.failures.map(\.member.address) == [mallory])
        try proxy.start()
        #expect(await disturbances.next() == .changed)
        #expect(try proxy.passes(.mallory, port: port))
        #expect(try !proxy.passes(.alice, port: port))
        // A worker that has read the file before a change that its predecessor was told of: the next look mends it.
        try "".write(toFile: timed ? proxy.map : proxy.list, atomically: true, encoding: .utf8)
        try proxy.reload()
        try proxy.until("it is back") { try proxy.entries(name).keys.contains(mallory.description) }
    }

    @Test("a change that another worker answers than before compares the whole list")
    func anotherWorker() async throws {
        defer { service.stop() }
        try proxy.start()
        // Nobody looks by himself: the change finds it out.
        let enforcer = try proxy.enforcer(watch: .seconds(3600))
        let (alice, mallory) = (network.address(.alice), network.address(.mallory))
        _ = await enforcer.define([proxy.target(1)])
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        try "".write(toFile: proxy.map, atomically: true, encoding: .utf8)
        try proxy.reload()
        #expect(try proxy.entries("map \(proxy.map)").isEmpty)
        #expect(await enforcer.apply([.open(member(1, mallory))]) == [.applied])
        #expect(Set(try proxy.entries("map \(proxy.map)").keys) == [alice.description, mallory.description])
    }

    @Test("where the machine's clock is set, moments of expiry are written anew", .timeLimit(.minutes(2)))
    func clockSet() async throws {
        defer { service.stop() }
        try proxy.start()
        let ahead = Atomic<Int64>(0)
        let enforcer = try proxy.enforcer { BootClock.wall() + ahead.load(ordering: .relaxed) }
        let alice = network.address(.alice)
        _ = await enforcer.define([proxy.target(1)])
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        func end() throws -> Int64 {
            let value = try #require(try proxy.entries("map \(proxy.map)")[alice.description] ?? nil)
            return try #require(Int64(value))
        }
        let before = try end()
        ahead.store(-3_600_000, ordering: .relaxed)
        try proxy.until("it ends an hour earlier") { (-3602 ... -3598).contains(try end() - before) }
    }

    @Test("who is to leave while HAProxy does not answer is told of as perhaps still let in")
    func stuck() async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        let alice = network.address(.alice)
        _ = await enforcer.define([proxy.target(1)])
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        proxy.stop()
        let result = await enforcer.reconcile([proxy.target(1)], [])
        #expect(result.stuck.map(\.address) == [alice])
        #expect(result.stuck.map(\.target) == [target(1)])
    }

    @Test("what somebody changed by hand is mended by reconciling; the administrator's own lines and entries stay")
    func foreign() async throws {
        defer { service.stop() }
        let own = "# ours, for ever\n192.0.2.7 4102444800\n\(network.address(.mallory)) 4102444800\n"
        try own.write(toFile: proxy.map, atomically: true, encoding: .utf8)
        chmod(proxy.map, 0o604)
        try proxy.start()
        let enforcer = try proxy.enforcer()
        let (alice, mallory) = (network.address(.alice), network.address(.mallory))
        let both = [member(1, alice), member(1, mallory)]
        _ = await enforcer.define([proxy.target(1)])
        #expect(await enforcer.apply(both.map { .open($0) }) == [.applied, .applied])
        _ = try proxy.ask("clear map \(proxy.map)")
        for entry in ["192.0.2.7 4102444800", "\(mallory) 4102444800", "192.0.2.99 4102444800", "\(alice) 4102444800"] {
            _ = try proxy.ask("add map \(proxy.map) \(entry)")
        }
        let result = await enforcer.reconcile([proxy.target(1)], both)
        #expect(result.targets == [target(1): .applied])
        #expect(result.removed == 1)
        let entries = try proxy.entries("map \(proxy.map)")
        #expect(Set(entries.keys) == ["192.0.2.7", mallory.description, alice.description])
        #expect(entries[alice.description] != "4102444800")
        #expect(await enforcer.reconcile([proxy.target(1)], []).targets == [target(1): .applied])
        #expect(try proxy.passes(.mallory))
        #expect(try !proxy.passes(.alice))
        #expect(try String(contentsOfFile: proxy.map, encoding: .utf8) == own + ListFile.mark + "\n")
        let mode = try FileManager.default.attributesOfItem(atPath: proxy.map)[.posixPermissions] as? Int
        #expect(mode == 0o604)
    }

    @Test(
        "a target that nobody wants any more leaves its list empty, also after the agent was started anew",
        arguments: [true, false])
    func released(startedAnew: Bool) async throws {
        defer { service.stop() }
        try proxy.start()
        let alice = member(1, network.address(.alice))
        var enforcer = try proxy.enforcer(watch: .seconds(3600))
        _ = await enforcer.define([proxy.target(1)])
        #expect(await enforcer.apply([.open(alice)]) == [.applied])
        if startedAnew { enforcer = try proxy.enforcer(watch: .seconds(3600)) }
        #expect(await enforcer.define([proxy.target(1, purpose: .released)]) == [target(1): .applied])
        #expect(try proxy.entries("map \(proxy.map)").isEmpty)
        #expect(try !proxy.passes(.alice))
    }

    @Test("two targets on one list: open until the last of them ends")
    func shared() async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        let alice = network.address(.alice)
        #expect(
            await enforcer.define([proxy.target(1), proxy.target(2, flows: true)]).values.allSatisfy { $0 == .applied })
        _ = await enforcer.apply([.open(member(1, alice)), .open(member(2, alice, seconds: 60))])
        // Whichever of the two comes first, the longer time counts.
        let mallory = network.address(.mallory)
        _ = await enforcer.apply([.open(member(2, mallory)), .open(member(1, mallory, seconds: 60))])
        for value in try proxy.entries("map \(proxy.map)").values {
            let end = try #require(value.flatMap { Int64($0) })
            #expect(end > BootClock.wall() / 1000 + 300)
        }
        #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
        #expect(try proxy.passes(.alice))
        #expect(await enforcer.apply([.close(target: target(2), address: alice)]) == [.applied])
        #expect(try !proxy.passes(.alice))
    }

    @Test("established flows are cut when access ends, those of a worker that is only finishing too")
    func cut() async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = CompositeEnforcer(nftables: try network.enforcer(), others: [.haproxy: try proxy.enforcer()])
        let alice = network.address(.alice)
        #expect(await enforcer.define([proxy.target(1, flows: true)]) == [target(1): .applied])
        #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
        defer { caller.stop() }
        #expect(caller.hears())
        try proxy.reload()
        #expect(caller.hears())
        #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
        poll(nil, 0, 50)
        let before = caller.received.load(ordering: .relaxed)
        poll(nil, 0, 400)
        #expect(caller.received.load(ordering: .relaxed) == before)
    }

    @Test("flows of one list end though another list of the same port goes on, and their client hears of it")
    func otherList() async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = CompositeEnforcer(nftables: try network.enforcer(), others: [.haproxy: try proxy.enforcer()])
        let alice = network.address(.alice)
        var other = proxy.target(2, timed: false, flows: true)
        guard case .haproxy(var backend) = other.backend else { return }
        backend.flows = FlowMatch(protocol: .tcp, ports: [9000, 9001])
        other.backend = .haproxy(backend)
        _ = await enforcer.define([proxy.target(1, flows: true), other])
        #expect(await enforcer.apply([.open(member(1, alice)), .open(member(2, alice))]) == [.applied, .applied])
        let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
        defer { caller.stop() }
        #expect(caller.hears())
        #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
        expectSilence(caller, service)
        try proxy.until("the client hears of it") { caller.hasEnded }
        #expect(try proxy.passes(.alice, port: 9001))
        #expect(try !proxy.passes(.alice))
    }

    @Test(
        "a list that HAProxy does not have, a folder or a socket that this host does not allow: refused, and said why")
    func refused() async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        func definition(_ number: UInt128, _ backend: HAProxyBackend) -> TargetDefinition {
            TargetDefinition(id: target(number), backend: .haproxy(backend), confirmed: true, purpose: .enforce)
        }
        let unknown = HAProxyBackend(socket: proxy.socket, list: .acl("#77"), file: proxy.folder + "/lists/other.acl")
        let folder = HAProxyBackend(socket: proxy.socket, list: .map(proxy.map), file: proxy.folder + "/keys.json")
        let socket = HAProxyBackend(socket: "/run/docker.sock", list: .map(proxy.map), file: proxy.map)
        let outcomes = await enforcer.define([definition(1, unknown), definition(2, folder), definition(3, socket)])
        for (number, word) in [
            (1, "HAProxy knows no acl \(proxy.folder)/lists/other.acl"), (2, "HAProxyFolder"), (3, "HAProxySockets"),
        ] {
            guard case .failed(let reason)? = outcomes[target(UInt128(number))] else {
                throw EnforcementError(.refused, "\(number)")
            }
            #expect(reason.contains(word))
        }
        #expect(!FileManager.default.fileExists(atPath: proxy.folder + "/keys.json"))
        guard case .failed? = await enforcer.apply([.open(member(2, .v4(1)))]).first else {
            throw EnforcementError(.refused, "open")
        }
    }

    @Test("a file that cannot be written: nothing is let in, what is in leaves HAProxy all the same, and is owed")
    func unwritable() async throws {
        defer { service.stop() }
        try proxy.start()
        let enforcer = try proxy.enforcer()
        let (alice, mallory) = (network.address(.alice), network.address(.mallory))
        _ = await enforcer.define([proxy.target(1)])
        _ = await enforcer.apply([.open(member(1, alice))])
        // Root writes whatever the mode is; a folder in the way stops it.
        let obstacle = proxy.map + ".knocknoc-new"
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        let outcomes = await enforcer.apply([.close(target: target(1), address: alice), .open(member(1, mallory))])
        #expect(outcomes.allSatisfy { if case .failed = $0 { true } else { false } })
        #expect(try !proxy.passes(.alice))
        #expect(try !proxy.passes(.mallory))
        var disturbances = enforcer.disturbances().makeAsyncIterator()
        try FileManager.default.removeItem(atPath: obstacle)
        #expect(await disturbances.next() == .changed)
        #expect(try proxy.passes(.mallory))
        #expect(try ListFile.keys(in: String(contentsOfFile: proxy.map, encoding: .utf8)) == [mallory.description])
    }
}
