import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("a set of ipset")
    struct IPSetForm {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        /// The usual rules: what is established passes before anybody looks at the set.
        private func rules(type: String = "hash:ip") throws {
            for (set, family, iptables) in [("allow4", "inet", "iptables"), ("allow6", "inet6", "ip6tables")] {
                try network.ipset(.gateway, "create \(set) \(type) family \(family) timeout 60 comment")
                for chain in ["INPUT", "FORWARD"] {
                    for rule in [
                        "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                        "-p tcp --dport 9000 -m set --match-set \(set) src -j ACCEPT", "-p tcp --dport 9000 -j DROP",
                    ] {
                        try network.execute(.gateway, "\(iptables) -w -A \(chain) \(rule)")
                    }
                }
            }
        }

        @Test(
            "opens and closes; no byte passes after, though established flows are accepted",
            arguments: IPAddress.Family.allCases, [TestNetwork.Host.gateway, .inner])
        func opensAndCloses(family: IPAddress.Family, host: TestNetwork.Host) async throws {
            try rules()
            try await network.expectOpening(ipsetTarget(1, ipv6: "allow6"), to: host, family)
        }

        @Test("cuts the flows of a member whose time is up, and has let nobody in for longer by rounding")
        func expires() async throws {
            try rules()
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([ipsetTarget(1)])
            let alice = member(1, network.address(.alice), seconds: 5.9)
            let mallory = member(1, network.address(.mallory), seconds: 0.9)
            #expect(await enforcer.apply([.open(alice), .open(mallory)]) == [.applied, .applied])
            #expect((1...5).contains(try Int(timeout(alice.address) ?? "") ?? 0))
            #expect(try timeout(mallory.address) == nil, "a timeout of 0 would be for ever")
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            while caller.hears(), BootClock.now() < alice.deadline.adding(milliseconds: 60_000) {}
            #expect(BootClock.now() >= alice.deadline)
            expectSilence(caller, service)
        }

        @Test("with the drop first the kernel alone ends what is established, the agent dead")
        func dropFirst() async throws {
            try network.ipset(.gateway, "create allow4 hash:ip family inet timeout 60 comment")
            for rule in [
                "INPUT -p tcp --dport 9000 -m set ! --match-set allow4 src -j DROP",
                "INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", "INPUT -p tcp --dport 9000 -j ACCEPT",
            ] {
                try network.execute(.gateway, "iptables -w -A \(rule)")
            }
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            _ = await enforcer?.define([ipsetTarget(1)])
            let alice = member(1, network.address(.alice), seconds: 4.5)
            #expect(await enforcer?.apply([.open(alice)]) == [.applied])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            enforcer = nil
            #expect(caller.hears())
            while caller.hears(), BootClock.now() < alice.deadline.adding(milliseconds: 60_000) {}
            expectSilence(caller, service)
            #expect(try !network.connects(.alice))
        }

        @Test("of networks takes addresses, and keeps others' networks as they are")
        func networks() async throws {
            try rules(type: "hash:net")
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            try network.ipset(.gateway, "add allow4 10.77.2.2/31 timeout 0")
            let enforcer = try network.enforcer()
            // The network begins with mallory's own address.
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            let result = await enforcer.reconcile([ipsetTarget(1)], [member(1, alice), member(1, mallory)])
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 2, removed: 0))
            #expect(try network.connects(.alice))
            let closings = [alice, mallory].map { MemberChange.close(target: target(1), address: $0) }
            #expect(await enforcer.apply(closings) == [.applied, .applied])
            #expect(try !network.connects(.alice))
            #expect(try network.connects(.mallory), "the administrator's network still lets in")
            #expect(try network.ipset(.gateway, "save allow4").contains("10.77.2.2/31 timeout 0"))
        }

        @Test("with comments keeps elements that are not ours, before and after")
        func foreignElements() async throws {
            try network.ipset(.gateway, "create allow4 hash:net family inet timeout 60 comment")
            let (alice, mallory, third) = (
                network.address(.alice), network.address(.mallory), IPAddress.v4(0xc000_0207)
            )
            try network.ipset(.gateway, "add allow4 \(alice) timeout 500 comment mine")
            try network.ipset(.gateway, "add allow4 \(third) timeout 0 nomatch")
            let enforcer = try network.enforcer()
            let wanted = [member(1, alice, seconds: 5), member(1, mallory), member(1, third)]
            let result = await enforcer.reconcile([ipsetTarget(1)], wanted)
            #expect(result.added == 1 && result.removed == 0)
            #expect(
                result.failures.map(\.reason) == ["set ipset allow4: somebody keeps \(third) out of it (nomatch)"])
            // One that comes while the agent runs is somebody's own, too.
            let late = IPAddress.v4(0xc000_0208)
            try network.ipset(.gateway, "add allow4 \(late) timeout 0 comment late")
            #expect(await enforcer.apply([.open(member(1, late))]) == [.applied])
            let closings = [alice, mallory, late].map { MemberChange.close(target: target(1), address: $0) }
            #expect(await enforcer.apply(closings) == [.applied, .applied, .applied])
            let left = try network.ipset(.gateway, "save allow4")
            for text in ["\(late) timeout 0", "\(third) timeout 0", "\"mine\""] { #expect(left.contains(text)) }
            #expect(!left.contains("\(mallory)"))
            #expect(try Int(timeout(alice) ?? "0") ?? 0 > 5)
        }

        @Test("without comments keeps what is permanent; what has a time is taken for ours")
        func withoutComments() async throws {
            try network.ipset(.gateway, "create allow4 hash:ip family inet timeout 60")
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            try network.ipset(.gateway, "add allow4 \(alice) timeout 0")
            try network.ipset(.gateway, "add allow4 192.0.2.7 timeout 500")
            let enforcer = try network.enforcer()
            let result = await enforcer.reconcile([ipsetTarget(1)], [member(1, alice), member(1, mallory)])
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 1, removed: 1))
            _ = await enforcer.define([ipsetTarget(1, purpose: .released)])
            let left = try network.ipset(.gateway, "save allow4")
            #expect(left.contains("add allow4 \(alice) timeout 0"))
            #expect(!left.contains("192.0.2.7") && !left.contains("\(mallory)"))
        }

        @Test(
            "that is missing or cannot do it is refused with the reason and the line that makes it",
            arguments: [
                (nil, "there is no such set"), ("hash:ip family inet", "it has no timeouts"),
                ("hash:ip family inet6 timeout 60", "it does not hold ipv4 addresses"),
                ("hash:ip,port family inet timeout 60", "it is of type hash:ip,port"),
                ("hash:ip family inet timeout 60 netmask 24", "it has a netmask"),
                ("hash:ip family inet timeout 60 forceadd", "it has forceadd"),
            ])
        func refused(options: String?, reason: String) async throws {
            if let options { try network.ipset(.gateway, "create allow4 \(options)") }
            let enforcer = try network.enforcer()
            guard case .failed(let found) = await enforcer.define([ipsetTarget(1)])[target(1)] else {
                Issue.record("a set that cannot do it was taken")
                return
            }
            #expect(found.hasPrefix("set ipset allow4: \(reason)"))
            let alice = network.address(.alice)
            let outcomes = await enforcer.apply([
                .open(member(1, alice)), .close(target: target(1), address: alice),
            ])
            #expect(outcomes == [.failed(found), .applied])
            // As the reason says: made like that it is taken, at the next of the checks that come every minute.
            let line = try #require(found.split(separator: "make it with: ").last)
            if options != nil { try network.ipset(.gateway, "destroy allow4") }
            try network.execute(.gateway, String(line))
            let result = await enforcer.reconcile([ipsetTarget(1)], [member(1, alice)])
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 1, removed: 0))
        }

        @Test("is made where this host's configuration says so, and never altered")
        func created() async throws {
            let enforcer = try network.enforcer(NFTablesOptions(createSets: true))
            let definition = ipsetTarget(1, ipv6: "allow6", block4: "ended4")
            #expect(await enforcer.define([definition]) == [target(1): .applied])
            let made = try network.ipset(.gateway, "save")
            for set in ["allow4 hash:ip family inet ", "allow6 hash:ip family inet6 ", "ended4 hash:ip family inet "] {
                #expect(made.contains("create \(set)"))
            }
            #expect(made.contains("maxelem 1048576 timeout 60 comment"))
            #expect(await enforcer.apply([.open(member(1, network.address(.alice)))]) == [.applied])
            try network.ipset(.gateway, "create bare hash:ip family inet")
            guard case .failed = await enforcer.define([ipsetTarget(2, ipv4: "bare")])[target(2)] else {
                Issue.record("a set without timeouts was taken")
                return
            }
            #expect(try network.ipset(.gateway, "save bare").contains("maxelem 65536"))
        }

        @Test("that somebody flushed, or made anew, is mended by the next reconciliation")
        func mended() async throws {
            try rules()
            let enforcer = try network.enforcer()
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            let wanted = [member(1, alice), member(1, mallory)]
            _ = await enforcer.reconcile([ipsetTarget(1)], wanted)
            try network.ipset(.gateway, "flush allow4")
            try network.ipset(.gateway, "add allow4 192.0.2.7 timeout 500 comment knocknoc")
            var result = await enforcer.reconcile([ipsetTarget(1)], wanted)
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 2, removed: 1))
            // Ours for longer than wanted, and not as long.
            try network.ipset(.gateway, "-exist add allow4 \(alice) timeout 90000 comment knocknoc")
            try network.ipset(.gateway, "-exist add allow4 \(mallory) timeout 20 comment knocknoc")
            result = await enforcer.reconcile([ipsetTarget(1)], wanted)
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 0, removed: 0))
            for address in [alice, mallory] {
                #expect((500...600).contains(try Int(timeout(address) ?? "") ?? 0))
            }
            for command in ["iptables -w -F", "ip6tables -w -F", "ipset destroy"] {
                try network.execute(.gateway, command)
            }
            #expect(await enforcer.apply([.open(member(1, alice))]) != [.applied])
            try network.ipset(.gateway, "create allow4 hash:ip family inet timeout 60")
            result = await enforcer.reconcile([ipsetTarget(1)], wanted)
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 2, removed: 0))
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            #expect(try timeout(alice) == nil)
        }

        @Test("a member whose time was shortened while the agent was away is shortened, one that ended is taken out")
        func differences() async throws {
            try network.ipset(.gateway, "create allow4 hash:ip family inet timeout 60 comment")
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            var first: NFTablesEnforcer? = try network.enforcer()
            _ = await first?.define([ipsetTarget(1)])
            _ = await first?.apply([.open(member(1, alice)), .open(member(1, mallory))])
            first = nil
            let second = try network.enforcer()
            let result = await second.reconcile([ipsetTarget(1)], [member(1, alice, seconds: 60)])
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 0, removed: 1))
            #expect((1...60).contains(try Int(timeout(alice) ?? "") ?? 0))
        }

        @Test("shared by two Knocs stays open until the last one ends and shortens when the longer one does")
        func shared() async throws {
            try rules()
            try await network.expectSharing(ipsetTarget(1), ipsetTarget(2, .tcp, [9000, 9001])) {
                Int64(try timeout($0) ?? "") ?? 0
            }
        }

        @Test("takes 20,000 elements and loses none; when it is full, those fail that found no room")
        func many() async throws {
            try network.ipset(.gateway, "create allow4 hash:ip family inet timeout 60 comment")
            try network.ipset(.gateway, "create small hash:ip family inet timeout 60 comment maxelem 100")
            let enforcer = try network.enforcer()
            _ = await enforcer.define([ipsetTarget(1), ipsetTarget(2, ipv4: "small")])
            let members = (0..<20_000).map { member(1, .v4(0x0b00_0000 + UInt32($0))) }
            #expect(await enforcer.apply(members.map { .open($0) }).allSatisfy { $0 == .applied })
            let both = [ipsetTarget(1), ipsetTarget(2, ipv4: "small")]
            var result = await enforcer.reconcile(both, Array(members.dropLast(2000)))
            #expect(result.added == 0 && result.removed == 2000)
            let few = (0..<150).map { member(2, .v4(0x0c00_0000 + UInt32($0))) }
            let outcomes = await enforcer.apply(few.map { .open($0) })
            let full = Outcome.failed("set ipset small: Hash is full, cannot add more elements")
            #expect(outcomes.count { $0 == .applied } == 100)
            #expect(outcomes.count { $0 == full } == 50)
            result = await enforcer.reconcile(both, members + few)
            #expect(result.failures.count == 50)
            #expect(result.added == 2000)
        }

        /// What the kernel tells of the time that is left, in seconds.
        private func timeout(_ address: IPAddress) throws -> String? {
            let lines = try network.ipset(.gateway, "save allow4").split(separator: "\n")
            let words = lines.first { $0.hasPrefix("add allow4 \(address) ") }?.split(separator: " ") ?? []
            return words.firstIndex(of: "timeout").map { String(words[$0 + 1]) }
        }
    }
}
