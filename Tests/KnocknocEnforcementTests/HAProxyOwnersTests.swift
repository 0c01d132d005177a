import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// Against the real HAProxy.
@Suite(
    "whose lists of HAProxy are", .serialized, .timeLimit(.minutes(2)),
    .enabled(if: ProxyProcess.available, ProxyProcess.skipped)
)
struct HAProxyOwnersTests {
    let network: TestNetwork
    let proxy: ProxyProcess

    init() throws {
        network = try TestNetwork()
        proxy = try ProxyProcess(network)
    }

    private func definition(_ list: HAProxyBackend.List, _ file: String) -> TargetDefinition {
        let backend = HAProxyBackend(socket: proxy.socket, list: list, file: file)
        return TargetDefinition(id: target(1), backend: .haproxy(backend), confirmed: true, purpose: .enforce)
    }

    private func reason(_ outcome: KnocknocEnforcement.Outcome?) -> String? {
        if case .failed(let reason)? = outcome { reason } else { nil }
    }

    @Test("whatever name a server gives, nothing is put into a list of another file, nor taken out of it")
    func names() async throws {
        try proxy.start()
        // Beside the list of a file HAProxy keeps an empty one under a number of its own.
        let numbers = try proxy.ask("show acl").split(separator: "\n").compactMap { line in
            line.split(separator: " ").first.flatMap { UInt32($0) }
        }
        let before = try numbers.map { try proxy.ask("show acl #\($0)") }
        #expect(before.contains { $0.contains("192.0.2.7") } && before.contains { $0.contains("192.0.2.8") })
        let unknown = proxy.folder + "/lists/other.acl"
        let alice = member(1, network.address(.alice))
        var cases: [(HAProxyBackend.List, String)] = numbers.map { (.acl("#\($0)"), "HAProxy knows no acl \(unknown)") }
        cases += [(.acl(proxy.friends), "HAProxyFolder"), (.map(proxy.friends), "HAProxyFolder")]
        for (list, word) in cases {
            let enforcer = try proxy.enforcer(watch: .seconds(3600))
            let definition = definition(list, unknown)
            #expect(await reason(enforcer.define([definition])[target(1)])?.contains(word) == true, "\(list)")
            #expect(await reason(enforcer.apply([.open(alice)]).first) != nil)
            #expect(await enforcer.reconcile([definition], [alice]).failures.count == 1)
        }
        #expect(try numbers.map { try proxy.ask("show acl #\($0)") } == before)
        // With a file that is the agent's, a number is another word for it.
        let enforcer = try proxy.enforcer(watch: .seconds(3600))
        #expect(await enforcer.define([definition(.acl("#102"), proxy.list)]) == [target(1): .applied])
        #expect(await enforcer.apply([.open(alice)]) == [.applied])
        #expect(try Set(proxy.entries("acl \(proxy.list)").keys) == [alice.address.description])
        #expect(try Set(proxy.entries("acl #102").keys) == ["192.0.2.8"])
        #expect(try Set(proxy.entries("acl \(proxy.friends)").keys) == ["192.0.2.7"])
    }

    /// Root reads whatever the mode is; a folder in the file's place cannot be.
    private func hide(_ file: String) throws {
        try FileManager.default.moveItem(atPath: file, toPath: file + ".aside")
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
    }

    private func show(_ file: String) throws {
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.moveItem(atPath: file + ".aside", toPath: file)
    }

    @Test(
        "while the file cannot be read the administrator's entries stay, and what the agent let in goes",
        arguments: [true, false], [true, false])
    func unreadable(timed: Bool, startedAnew: Bool) async throws {
        let (file, name) = timed ? (proxy.map, "map \(proxy.map)") : (proxy.list, "acl \(proxy.list)")
        let own = timed ? "192.0.2.7 4102444800\n" : "192.0.2.7\n"
        try own.write(toFile: file, atomically: true, encoding: .utf8)
        try proxy.start()
        let definition = proxy.target(1, timed: timed)
        let (alice, mallory) = (member(1, network.address(.alice)), member(1, network.address(.mallory)))
        var enforcer = try proxy.enforcer(watch: .seconds(3600))
        _ = await enforcer.define([definition])
        #expect(await enforcer.apply([.open(alice)]) == [.applied])
        try hide(file)
        if startedAnew {
            enforcer = try proxy.enforcer(watch: .seconds(3600))
            let result = await enforcer.reconcile([definition], [alice])
            #expect(reason(result.targets[target(1)])?.contains(file) == true)
        }
        #expect(await reason(enforcer.apply([.open(mallory)]).first)?.contains(file) == true)
        #expect(try Set(proxy.entries(name).keys) == ["192.0.2.7", alice.address.description])
        #expect(await reason(enforcer.apply([.close(target: target(1), address: alice.address)]).first) != nil)
        #expect(try Set(proxy.entries(name).keys) == ["192.0.2.7"])
        try show(file)
        #expect(await enforcer.reconcile([definition], []).targets == [target(1): .applied])
        #expect(try Set(proxy.entries(name).keys) == ["192.0.2.7"])
        #expect(try String(contentsOfFile: file, encoding: .utf8) == own + ListFile.mark + "\n")
    }

    @Test("what the administrator has just added to the file is theirs at the next change already")
    func addedMeanwhile() async throws {
        try proxy.start()
        let enforcer = try proxy.enforcer(watch: .seconds(3600))
        let mallory = member(1, network.address(.mallory))
        #expect(await enforcer.define([proxy.target(1)]) == [target(1): .applied])
        let own = "\(mallory.address) 4102444800"
        try (own + "\n").write(toFile: proxy.map, atomically: true, encoding: .utf8)
        _ = try proxy.ask("add map \(proxy.map) \(own)")
        #expect(await enforcer.apply([.open(mallory)]) == [.applied])
        #expect(await enforcer.apply([.close(target: target(1), address: mallory.address)]) == [.applied])
        #expect(try proxy.entries("map \(proxy.map)") == [mallory.address.description: "4102444800"])
    }

    @Test(
        "what an earlier run let in where this host's options now forbid it is not called closed",
        arguments: [false, true])
    func narrowed(otherFolder: Bool) async throws {
        try proxy.start()
        let (alice, mallory) = (member(1, network.address(.alice)), member(1, network.address(.mallory)))
        let first = try proxy.enforcer(watch: .seconds(3600))
        _ = await first.define([proxy.target(1)])
        #expect(await first.apply([.open(alice)]) == [.applied])
        let options =
            otherFolder
            ? HAProxyOptions(folder: proxy.folder + "/others", sockets: [proxy.folder + "/run/"])
            : HAProxyOptions(folder: proxy.folder + "/lists", sockets: ["/run/haproxy/"])
        let enforcer = try HAProxyEnforcer(options)
        let word = "what an earlier run let in may still be open"
        let result = await enforcer.reconcile([proxy.target(1)], [alice])
        #expect(result.failures.map(\.member) == [alice])
        // Asked for again, it is still in.
        #expect(await reason(enforcer.apply([.open(alice)]).first) != nil)
        for step in [
            MemberChange.cut(target: target(1), address: alice.address),
            .close(target: target(1), address: alice.address),
        ] {
            #expect(await reason(enforcer.apply([step]).first)?.contains(word) == true)
        }
        // Who was never let in is not in.
        #expect(await reason(enforcer.apply([.open(mallory)]).first)?.contains(word) == false)
        #expect(await enforcer.apply([.close(target: target(1), address: mallory.address)]) == [.applied])
        let released = await enforcer.define([proxy.target(1, purpose: .released)])
        #expect(reason(released[target(1)])?.contains(word) == true)
        #expect(try proxy.entries("map \(proxy.map)").keys.contains(alice.address.description))
    }
}
