import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("sets of ipset")
struct IPSetTests {
    @Test(
        "whole seconds, rounded down; never 0, which is for ever, and never more than the kernel takes",
        arguments: [(1000, 1), (1999, 1), (59_999, 59), (1, 1), (0, 1), (9_000_000_000_000, 2_147_483)])
    func seconds(milliseconds: Int64, seconds: UInt32) {
        #expect(IPSets.seconds(milliseconds) == seconds)
    }

    @Test("the kernel's whole seconds may hide nearly one more, unless it was told the time that it has left")
    func left() {
        #expect(IPSets.left(nil, 5000) == 5999)
        #expect(IPSets.left(5400, 5000) == 5400)
        #expect(IPSets.left(4999, 5000) == 5999, "somebody has given it more")
        #expect(IPSets.left(7000, 5000) == 5999, "somebody has given it less")
    }

    @Test("what is wrong is told apart by libipset's words, without the number of the line")
    func words() {
        let full = IPSetLibrary.error("Error in line 17: Hash is full, cannot add more elements\n")
        #expect(full == EnforcementError(.full, "Hash is full, cannot add more elements"))
        #expect(IPSetLibrary.error("The set with the given name does not exist\n").code == .missing)
        #expect(IPSetLibrary.error("Element cannot be added to the set: it's already added\n").code == .exists)
        #expect(IPSetLibrary.error("") == EnforcementError(.kernel, "ipset refused"))
    }

    @Test("an address is blocked until its time is up, but not while another target lets it in")
    func blocked() throws {
        var membership = Membership()
        for number: UInt128 in [1, 2] {
            let definition = ipsetTarget(number, ipv4: "allow\(number)", block4: "ended")
            membership.add(try #require(Membership.Target(definition)))
        }
        let (alice, end) = (IPAddress.v4(0x0a00_0001), BootTime(milliseconds: 9000))
        let place = try #require(membership.targets[target(1)]?.block(alice))
        membership.block(place, until: end, now: BootTime(milliseconds: 0))
        #expect(membership.deadline(of: place) == end)
        membership.set(target(2), alice, BootTime(milliseconds: 5000))
        #expect(membership.deadline(of: place) == nil)
        #expect(membership.elements(of: place.set).isEmpty)
        membership.set(target(2), alice, nil)
        #expect(membership.elements(of: place.set) == [alice: end])
    }
}
