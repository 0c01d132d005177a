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

    @Test("a backend that this host does not allow is refused, targets and members alike")
    func ceiling() async {
        let enforcer = CompositeEnforcer(nftables: nil, allowed: [.dryRun])
        let result = await enforcer.reconcile([guardTarget(1), dry], [member(1, .v4(1)), member(5, .v4(1))])
        #expect(result.targets[target(5)] == .dryRun)
        #expect(result.failures.map(\.member.target) == [target(1)])
        let outcomes = await enforcer.apply([.open(member(1, .v4(1))), .open(member(5, .v4(1)))])
        #expect(outcomes == [.failed("this host's AllowBackends does not name nftables"), .dryRun])
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
}
