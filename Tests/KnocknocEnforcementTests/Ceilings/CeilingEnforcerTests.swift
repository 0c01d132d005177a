import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("how far a server may go on this host")
struct CeilingEnforcerTests {
    private let inner = RecordingEnforcer()

    private func scriptTarget(_ path: String, _ variables: [String] = [], sealed: [String] = []) -> TargetDefinition {
        let script = ScriptBackend(
            path: path, environment: Dictionary(uniqueKeysWithValues: variables.map { ($0, "x") }),
            sealed: Dictionary(uniqueKeysWithValues: sealed.map { ($0, SealedValue(text: "x")) }))
        return TargetDefinition(id: target(4), backend: .script(script), confirmed: true, purpose: .enforce)
    }

    private func variables(_ texts: String...) -> Ceilings {
        Ceilings(scripts: true, scriptVariables: texts.compactMap(Ceilings.Variables.init))
    }

    private var ipsetTarget: TargetDefinition {
        let backend = IPSetBackend(ipv4: "open4", ipv6: nil, flows: FlowMatch(protocol: .tcp, ports: [443]))
        return TargetDefinition(id: target(3), backend: .ipset(backend), confirmed: true, purpose: .enforce)
    }

    @Test("what exceeds a ceiling is refused, and the key that says so is named")
    func refusals() async {
        let inet = Ceilings.Table(family: .inet, name: "filter")
        let cases: [(Ceilings, TargetDefinition, String?)] = [
            (.init(backends: [.ipset]), guardTarget(1), "this host's AllowBackends does not name nftables"),
            (.init(backends: [.nftables]), guardTarget(1), nil),
            (
                .init(tables: [.init(family: .ip, name: "filter")]), setTarget(2),
                "this host's AllowTables does not name inet filter"
            ),
            (.init(tables: [inet]), setTarget(2), nil),
            (.init(sets: ["allowed4"]), setTarget(2), "this host's AllowSets does not name allowed6"),
            (.init(sets: ["allowed4", "allowed6"]), setTarget(2), nil),
            (.init(sets: ["allowed4"]), ipsetTarget, "this host's AllowSets does not name open4"),
            (.init(ports: [443...443, 8000...8100]), guardTarget(1), "this host's AllowPorts does not name port 9000"),
            (.init(ports: [443...443]), setTarget(2), "this host's AllowPorts does not name port 9000"),
            (.init(ports: [443...443]), ipsetTarget, nil),
            (.init(ports: [9000...9000]), guardTarget(1), nil),
            (
                .init(scripts: true, scriptDirectory: "/opt/scripts"), scriptTarget("/opt/scripts2/open"),
                "/opt/scripts2/open is not in this host's ScriptDirectory /opt/scripts"
            ),
            (.init(), scriptTarget("/opt/open"), "this host's CustomScripts is not true"),
            (.init(scripts: true, scriptDirectory: "/opt/scripts"), scriptTarget("/opt/scripts/a/open"), nil),
            (
                variables("HOST", "FW_*"), scriptTarget("/opt/open", ["FW_A", "HOST", "HOSTS"]),
                "this host's ScriptVariables does not name HOSTS"
            ),
            (
                variables("HOST"), scriptTarget("/opt/open", ["HOST"], sealed: ["TOKEN"]),
                "this host's ScriptVariables does not name TOKEN"
            ),
            (variables("HOST", "FW_*"), scriptTarget("/opt/open", ["FW_A", "HOST"], sealed: ["FW_TOKEN"]), nil),
            (variables("none"), scriptTarget("/opt/open", ["A"]), "this host's ScriptVariables does not name A"),
            (variables("none"), scriptTarget("/opt/open"), nil),
            (.init(scripts: true), scriptTarget("/opt/open", ["A"], sealed: ["B"]), nil),
        ]
        for (ceilings, definition, reason) in cases {
            let enforcer = CeilingEnforcer(ceilings, around: inner)
            let expected: KnocknocEnforcement.Outcome = reason.map { .failed($0) } ?? .applied
            #expect(await enforcer.define([definition]) == [definition.id: expected])
            let open = Member(target: definition.id, address: .v4(1), deadline: BootClock.now())
            #expect(await enforcer.apply([.open(open)]) == [expected])
            let result = await enforcer.reconcile([definition], [open])
            #expect(result.targets == [definition.id: expected])
            #expect(result.failures.map(\.reason) == [reason].compactMap { $0 })
        }
    }

    @Test("nothing is kept of what a lowered ceiling forbids, and no port is closed or program started for it")
    func lowered() async {
        let enforcer = CeilingEnforcer(
            Ceilings(backends: [.nftables], sets: ["none"], ports: [443...443]), around: inner)
        let targets = [guardTarget(1), setTarget(2), scriptTarget("/opt/open")]
        let members = [member(1, .v4(1)), member(2, .v4(1)), member(4, .v4(1))]
        let result = await enforcer.reconcile(targets, members)
        #expect(result.failures.count == 3)
        // The set is emptied; the guard is left as it is, without members.
        #expect(inner.purposes == [target(2): .released])
        #expect(inner.members.isEmpty)
        #expect(await enforcer.define(targets).count == 3)
        #expect(inner.purposes == [target(2): .released])
        let closed = await enforcer.apply([
            .close(target: target(1), address: .v4(1)), .close(target: target(2), address: .v4(1)),
        ])
        #expect(closed == [.applied, .applied])
        // Nobody can tell what an earlier run has let in through a program that may not be started.
        let script = await enforcer.apply([.close(target: target(4), address: .v4(1))])
        #expect(
            script == [
                .failed("this host's AllowBackends does not name script; what an earlier run let in may still be open")
            ])
        _ = await enforcer.apply([.open(member(4, .v4(1)))])
        let ended: [MemberChange] = [
            .cut(target: target(4), address: .v4(1)), .close(target: target(4), address: .v4(1)),
        ]
        #expect(await enforcer.apply(ended) == [.applied, .applied], "who was never in")
    }

    @Test("a set that could not be emptied is not called closed")
    func notEmptied() async {
        inner.answer = .failed("the kernel is busy")
        let enforcer = CeilingEnforcer(Ceilings(sets: ["none"]), around: inner)
        _ = await enforcer.define([setTarget(2)])
        guard case .failed = await enforcer.apply([.close(target: target(2), address: .v4(1))])[0] else {
            Issue.record("said to be closed")
            return
        }
    }

    @Test("taking a guard away, or releasing a set, is never refused")
    func takingAway() async {
        let enforcer = CeilingEnforcer(Ceilings(backends: [.haproxy]), around: inner)
        let outcomes = await enforcer.define([
            guardTarget(1, purpose: .unguard), setTarget(2, purpose: .released),
        ])
        #expect(outcomes == [target(1): .applied, target(2): .applied])
        #expect(inner.purposes == [target(1): .unguard, target(2): .released])
    }

    @Test("a wider prefix than MaxPrefix is refused, and by default that is any")
    func prefix() async {
        var wide = guardTarget(1)
        wide.backend.ipv6Prefix = 56
        var narrow = guardTarget(2)
        narrow.backend.ipv6Prefix = 64
        let outcomes = await CeilingEnforcer(Ceilings(ipv6Prefix: 64), around: inner).define([wide, narrow])
        #expect(
            outcomes == [
                target(1): .failed("this host's MaxPrefix is /64, and /56 lets in more"), target(2): .applied,
            ])
        let usual = await CeilingEnforcer(Ceilings(), around: inner).define([narrow, guardTarget(3)])
        #expect(
            usual == [
                target(2): .failed("this host's MaxPrefix is /128, and /64 lets in more"), target(3): .applied,
            ])
    }

    @Test("MaxEntries refuses one more, those who are in stay in, and who leaves makes room")
    func entries() async {
        let enforcer = CeilingEnforcer(Ceilings(entries: 2), around: inner)
        _ = await enforcer.define([guardTarget(1)])
        let refusal = KnocknocEnforcement.Outcome.failed("this host's MaxEntries is 2, and as many addresses are open")
        let (one, two, three) = (member(1, .v4(1), seconds: 90), member(1, .v4(2)), member(1, .v4(3), seconds: 60))
        #expect(await enforcer.apply([.open(one), .open(two), .open(three)]) == [.applied, .applied, refusal])
        #expect(inner.changes.count == 2)
        // Another end for one that is in is not one more.
        #expect(await enforcer.apply([.open(member(1, .v4(1), seconds: 120))]) == [.applied])
        let result = await enforcer.reconcile([guardTarget(1)], [three, two, one])
        #expect(result.failures.map(\.member) == [three])
        #expect(inner.members.count == 2)
        let outcomes = await enforcer.apply([.close(target: target(1), address: .v4(2)), .open(three)])
        #expect(outcomes == [.applied, .applied])
        // A restarted agent has nobody in yet: those whose access ends first.
        let restarted = CeilingEnforcer(Ceilings(entries: 1), around: inner)
        #expect(
            await restarted.reconcile([guardTarget(1)], [two, one, three]).failures.map(\.member) == [one, two])
    }
}
