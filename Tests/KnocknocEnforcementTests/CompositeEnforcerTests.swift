import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("choosing a backend")
struct CompositeEnforcerTests {
    private let dry = TargetDefinition(id: target(5), backend: .dryRun, confirmed: true, purpose: .enforce)

    @Test("without the right to change the packet filter everything is a dry run, and is called one")
    func withoutRight() async {
        let enforcer = CompositeEnforcer(nftables: nil)
        let outcomes = await enforcer.define([guardTarget(1), dry])
        #expect(outcomes == [target(1): .dryRun, target(5): .dryRun])
        #expect(await enforcer.apply([.open(member(1, .v4(1)))]) == [.dryRun])
    }

    @Test("a backend that this agent does not know fails that target only, and says what to do")
    func foreign() async {
        let moat = UnknownBackend(json: .object(["type": .text("moat")]))
        let foreign = TargetDefinition(id: target(2), backend: .unknown(moat), confirmed: true, purpose: .enforce)
        let enforcer = CompositeEnforcer(nftables: nil)
        let reason = #"this agent does not know backend "moat"; update it"#
        #expect(await enforcer.define([foreign, dry]) == [target(2): .failed(reason), target(5): .dryRun])
        let outcomes = await enforcer.apply([.open(member(2, .v4(1))), .open(member(5, .v4(1)))])
        #expect(outcomes == [.failed(reason), .dryRun])
    }

    @Test("a step for a target that nobody defined fails")
    func unknown() async {
        let outcomes = await CompositeEnforcer(nftables: nil).apply([.open(member(3, .v4(1)))])
        #expect(outcomes == [.failed("target \(target(3)) is not defined on this agent")])
    }

    @Test("each target goes to its own backend, and to the packet filter where it says what flows it lets through")
    func parts() async {
        let (filter, proxy) = (RecordingEnforcer(), RecordingEnforcer())
        let enforcer = CompositeEnforcer(nftables: filter, others: [.haproxy: proxy])
        let (silent, flowing) = (haproxyTarget(2, flows: false), haproxyTarget(3, flows: true))
        let outcomes = await enforcer.define([guardTarget(1), silent, flowing])
        #expect(Set(outcomes.values) == [.applied])
        #expect(filter.defined == [target(1), target(3)])
        #expect(proxy.defined == [target(2), target(3)])
        let steps = [1, 2, 3].map { MemberChange.open(member(UInt128($0), .v4(1))) }
        #expect(await enforcer.apply(steps) == [.applied, .applied, .applied])
        #expect(filter.changes.map(\.target) == [target(1), target(3)])
        #expect(proxy.changes.map(\.target) == [target(2), target(3)])
        let result = await enforcer.reconcile([silent, flowing], [member(2, .v4(1)), member(3, .v4(1))])
        #expect(result.targets == [target(2): .applied, target(3): .applied])
        #expect(filter.members == [target(3)])
        #expect(Set(proxy.members) == [target(2), target(3)])
    }

    @Test("a target is in force where both have done their part, whichever of them fails")
    func bothParts() async {
        for failing in 0...1 {
            let enforcers = [RecordingEnforcer(), RecordingEnforcer()]
            enforcers[failing].answer = .failed("no")
            let enforcer = CompositeEnforcer(nftables: enforcers[0], others: [.haproxy: enforcers[1]])
            #expect(await enforcer.define([haproxyTarget(1, flows: true)]) == [target(1): .failed("no")])
            #expect(await enforcer.apply([.open(member(1, .v4(1)))]) == [.failed("no")])
            let result = await enforcer.reconcile([haproxyTarget(1, flows: true)], [])
            #expect(result.targets == [target(1): .failed("no")])
        }
    }

    @Test("the packet filter hears of nobody whom the other did not let in, and of nothing that would be longer")
    func notLetIn() async {
        let (filter, proxy) = (RecordingEnforcer(), RecordingEnforcer())
        let enforcer = CompositeEnforcer(nftables: filter, others: [.haproxy: proxy])
        let definitions = [haproxyTarget(1, flows: true)]
        _ = await enforcer.define(definitions)
        let (alice, later, sooner) = (
            member(1, .v4(1)), member(1, .v4(1), seconds: 900), member(1, .v4(1), seconds: 300)
        )
        proxy.answer = .failed("no socket")
        #expect(await enforcer.apply([.open(alice)]) == [.failed("no socket")])
        #expect(filter.changes.isEmpty)
        #expect(await enforcer.reconcile(definitions, [alice]).failures.count == 1)
        #expect(filter.wanted.isEmpty)
        proxy.answer = .applied
        _ = await enforcer.apply([.open(alice)])
        proxy.answer = .failed("no socket")
        _ = await enforcer.apply([.open(later)])
        _ = await enforcer.reconcile(definitions, [later])
        #expect(filter.changes == [.open(alice), .open(alice)] && filter.wanted == [alice])
        #expect(await enforcer.apply([.open(sooner)]) == [.failed("no socket")])
        #expect(filter.changes.last == .open(sooner))
        // It is to end all the same, and then it is in no more.
        let close = MemberChange.close(target: target(1), address: .v4(1))
        _ = await enforcer.apply([close, .open(later)])
        #expect(filter.changes.last == close)
        proxy.answer = .applied
        #expect(await enforcer.reconcile(definitions, [later]).failures.isEmpty)
        #expect(filter.wanted == [later])
    }

    @Test("a backend that this agent was started without is refused")
    func missing() async {
        let outcomes = await CompositeEnforcer(nftables: RecordingEnforcer()).define([haproxyTarget(1, flows: true)])
        #expect(outcomes == [target(1): .failed("this agent was started without the backend haproxy")])
    }

    private func haproxyTarget(_ number: UInt128, flows: Bool) -> TargetDefinition {
        let match = FlowMatch(protocol: .tcp, ports: [443])
        let backend = HAProxyBackend(
            socket: "/run/h.sock", list: .map("/etc/h.map"), file: "/etc/h.map", flows: flows ? match : nil)
        return TargetDefinition(id: target(number), backend: .haproxy(backend), confirmed: true, purpose: .enforce)
    }
}
