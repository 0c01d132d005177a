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
