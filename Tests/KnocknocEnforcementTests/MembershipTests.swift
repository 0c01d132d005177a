import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("what several targets amount to")
struct MembershipTests {
    let alice = IPAddress.v4(0x0a00_0001)

    private func membership(_ definitions: [TargetDefinition]) -> Membership {
        var result = Membership()
        for definition in definitions { if let target = Membership.Target(definition) { result.add(target) } }
        return result
    }

    @Test("an element that two targets share stays until the later deadline, and shortens when that one ends")
    func sharedSet() throws {
        var membership = membership([setTarget(1, .tcp, [22]), setTarget(2, .tcp, [80])])
        membership.set(target(1), alice, BootTime(milliseconds: 5000))
        membership.set(target(2), alice, BootTime(milliseconds: 9000))
        let element = try #require(membership.element(target(1), alice))
        #expect(membership.deadline(of: element)?.milliseconds == 9000)
        membership.set(target(2), alice, nil)
        #expect(membership.deadline(of: element)?.milliseconds == 5000)
        membership.remove(target(1))
        #expect(membership.deadline(of: element) == nil)
    }

    @Test("flows are cut only on ports that no other target still lets the source through")
    func coverage() throws {
        var membership = membership([guardTarget(1, .tcp, [80, 443]), guardTarget(2, .tcp, [443])])
        membership.set(target(2), alice, BootTime(milliseconds: 9000))
        let one = try #require(membership.targets[target(1)])
        #expect(membership.cut(one, alice, at: BootTime(milliseconds: 0))?.ports == [80])
        #expect(membership.cut(one, alice, at: BootTime(milliseconds: 9000))?.ports == [80, 443])
        #expect(membership.cut(one, .v4(1), at: BootTime(milliseconds: 0))?.ports == [80, 443])
    }

    @Test(
        "of a network's flows those are spared whose own address another target lets through, and the other way round")
    func networks() throws {
        var wide = guardTarget(1, .tcp, [80, 443])
        wide.backend.ipv6Prefix = 64
        var membership = membership([wide, guardTarget(2, .tcp, [443])])
        let (whole, one) = (try address("2001:db8::"), try address("2001:db8::7"))
        let (first, second) = (
            try #require(membership.targets[target(1)]), try #require(membership.targets[target(2)])
        )
        let now = BootTime(milliseconds: 0)
        membership.set(target(2), one, BootTime(milliseconds: 9000))
        let cut = try #require(membership.cut(first, whole, at: now))
        func flow(_ client: String, _ port: UInt16) throws -> Flow {
            Flow(
                client: try address(client), clientPort: 1, protocol: .tcp, destination: one, port: port,
                innerPort: port, established: true)
        }
        #expect(try cut.covers(flow("2001:db8::8", 443)) && cut.covers(flow("2001:db8::7", 80)))
        #expect(try !cut.covers(flow("2001:db8::7", 443)) && !cut.covers(flow("2001:db8:0:1::7", 80)))
        membership.set(target(2), one, nil)
        #expect(membership.cut(second, one, at: now)?.ports == [443])
        membership.set(target(1), whole, BootTime(milliseconds: 9000))
        #expect(membership.cut(second, one, at: now) == nil, "its network is let through")
    }

    @Test("what lets in by a set or a list of its own spares nobody else's flows; a guard ends its own")
    func gates() throws {
        func haproxy(_ number: UInt128, _ file: String) -> TargetDefinition {
            let backend = HAProxyBackend(
                socket: "/run/h.sock", list: .map(file), file: file, flows: FlowMatch(protocol: .tcp, ports: [9000]))
            return TargetDefinition(id: target(number), backend: .haproxy(backend), confirmed: true, purpose: .enforce)
        }
        func script(_ number: UInt128, _ name: String) -> TargetDefinition {
            let backend = ScriptBackend(
                path: "/opt/open", name: name, flows: FlowMatch(protocol: .tcp, ports: [9000]))
            return TargetDefinition(id: target(number), backend: .script(backend), confirmed: true, purpose: .enforce)
        }
        func list(_ number: UInt128, _ id: UInt128) -> TargetDefinition {
            let service = AllowListService(id: AllowListID(value: id), keys: [])
            let backend = AllowListBackend(flows: FlowMatch(protocol: .tcp, ports: [9000]), service: service)
            return TargetDefinition(
                id: target(number), backend: .allowList(backend), confirmed: true, purpose: .enforce)
        }
        let places = [
            [setTarget(1), setTarget(2)], [setTarget(3, ipv4: "other4")], [ipsetTarget(4), ipsetTarget(5)],
            [ipsetTarget(6, ipv4: "more4")], [haproxy(7, "/a.map"), haproxy(8, "/a.map")], [haproxy(9, "/b.map")],
            [script(10, "a"), script(11, "a")], [script(12, "b")], [list(13, 1), list(14, 1)], [list(15, 2)],
            [guardTarget(16)],
        ]
        let start = BootTime(milliseconds: 0)
        for (index, place) in places.enumerated() {
            for (otherIndex, other) in places.enumerated() {
                var membership = membership(place + other)
                let leaving = try #require(membership.targets[place[0].id])
                let staying = other[other.count - 1].id
                guard staying != leaving.id else { continue }
                membership.set(staying, alice, BootTime(milliseconds: 9000))
                let isSpared = index == otherIndex || leaving.isGuard
                #expect((membership.cut(leaving, alice, at: start) == nil) == isSpared, "\(index) \(otherIndex)")
            }
        }
        // Sets of the other family say nothing.
        var membership = membership([setTarget(1), setTarget(2, ipv4: "other4")])
        membership.set(target(2), alice, BootTime(milliseconds: 9000))
        membership.set(target(2), .v6(1), BootTime(milliseconds: 9000))
        let one = try #require(membership.targets[target(1)])
        #expect(membership.cut(one, alice, at: start) != nil)
        #expect(membership.cut(one, .v6(1), at: start) == nil)
    }

    @Test("a flow that was cut goes on only when what had let it in does so again")
    func allowed() throws {
        var membership = membership([setTarget(1), setTarget(2, ipv4: "other4"), setTarget(3, .tcp, [9000, 9001])])
        let (one, two) = (
            try #require(membership.targets[target(1)]), try #require(membership.targets[target(2)])
        )
        let key = FlowKey(source: alice, protocol: .tcp, sourcePort: 4000, port: 9000)
        let (start, later) = (BootTime(milliseconds: 0), BootTime(milliseconds: 9000))
        let cut = CutFlow(until: later, gates: [one.gate])
        membership.set(target(2), alice, later)
        #expect(!membership.allows(key, cutAs: cut, for: two, at: start), "another set")
        #expect(!membership.allows(key, cutAs: cut, for: one, at: start), "not in it")
        membership.set(target(1), alice, later)
        #expect(membership.allows(key, cutAs: cut, for: one, at: start))
        let both = CutFlow(until: later, gates: [one.gate, two.gate])
        #expect(membership.allows(key, cutAs: both, for: one, at: start))
        membership.set(target(2), alice, nil)
        #expect(!membership.allows(key, cutAs: both, for: one, at: start), "one of two")
        // Of an earlier run nobody knows whose it was.
        let unknown = CutFlow(until: later)
        #expect(!membership.allows(key, cutAs: unknown, for: one, at: start))
        membership.remove(target(2))
        #expect(membership.allows(key, cutAs: unknown, for: one, at: start))
    }

    @Test("a guard's drop alone ends flows only on ports that no set lets through, whichever ends first")
    func guardAndSet() throws {
        var membership = membership([guardTarget(1), guardTarget(3, .tcp, [9001]), setTarget(2)])
        let one = try #require(membership.targets[target(1)])
        let three = try #require(membership.targets[target(3)])
        let start = BootTime(milliseconds: 0)
        #expect(membership.cut(three, alice, at: start)?.socketsOnly == true)
        membership.set(target(1), alice, BootTime(milliseconds: 9000))
        membership.remove(target(2))
        membership.set(target(1), alice, nil)
        #expect(membership.cut(one, alice, at: start)?.socketsOnly == false, "the set's flows may still be there")
    }

    @Test("a guard's drop is enough for a whole cut where nothing else lets anybody of that network in")
    func wholeCuts() throws {
        var membership = membership([guardTarget(1), guardTarget(2), guardTarget(3, .tcp, [9001]), setTarget(4, .udp)])
        let start = BootTime(milliseconds: 0)
        let one = try #require(membership.targets[target(1)])
        membership.set(target(3), alice, BootTime(milliseconds: 9000))
        membership.set(target(4), alice, BootTime(milliseconds: 9000))
        #expect(membership.wholeCut(one, alice, at: start)?.socketsOnly == true)
        for number in [1, 2] as [UInt128] {
            membership.set(target(number), alice, BootTime(milliseconds: 9000))
            #expect(membership.wholeCut(one, alice, at: start)?.socketsOnly == false, "\(number)")
            membership.set(target(number), alice, nil)
        }
        let four = try #require(membership.targets[target(4)])
        #expect(membership.wholeCut(four, .v4(2), at: start)?.socketsOnly == false)
        membership.isInherited = true
        #expect(membership.wholeCut(one, alice, at: start)?.socketsOnly == false)
    }

    @Test("a set target without ports cuts nothing")
    func noPorts() throws {
        let membership = membership([setTarget(1, nil, nil)])
        let one = try #require(membership.targets[target(1)])
        #expect(membership.cut(one, alice, at: BootTime(milliseconds: 0)) == nil)
    }

    @Test("members whose time is up go, at the moment and not before")
    func expiry() {
        var membership = membership([guardTarget(1)])
        membership.set(target(1), alice, BootTime(milliseconds: 5000))
        #expect(membership.expire(at: BootTime(milliseconds: 4999)).isEmpty)
        #expect(membership.nextDeadline?.milliseconds == 5000)
        #expect(membership.expire(at: BootTime(milliseconds: 5000)).map(\.address) == [alice])
        #expect(membership.nextDeadline == nil)
    }
}
