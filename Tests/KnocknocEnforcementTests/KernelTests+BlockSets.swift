import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    /// The target names no ports, so that nobody but the set ends flows.
    @Suite("a set of ipset for those whose access has ended")
    struct BlockSets {
        let network: TestNetwork

        init() throws {
            network = try TestNetwork()
            for (set, options) in [
                ("allow4", "hash:ip family inet"), ("more4", "hash:ip family inet"), ("ended4", "hash:ip family inet"),
                ("allow6", "hash:ip family inet6"), ("ended6", "hash:ip family inet6"),
            ] {
                try network.ipset(.gateway, "create \(set) \(options) timeout 60 comment")
            }
            for (version, iptables) in [("4", "iptables"), ("6", "ip6tables")] {
                for rule in [
                    "INPUT -m set --match-set ended\(version) src -j DROP",
                    "OUTPUT -m set --match-set ended\(version) dst -j DROP",
                    "INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                    "INPUT -p tcp --dport 9000 -m set --match-set allow\(version) src -j ACCEPT",
                    "INPUT -p tcp --dport 9000 -j DROP",
                ] {
                    try network.execute(.gateway, "\(iptables) -w -A \(rule)")
                }
            }
        }

        private let blocking = ipsetTarget(1, ipv6: "allow6", block4: "ended4", block6: "ended6", nil)

        @Test(
            "ends established flows in the kernel, and lets in again with the next grant",
            arguments: IPAddress.Family.allCases)
        func blocks(family: IPAddress.Family) async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let (alice, gateway) = (network.address(.alice, family), network.address(.gateway, family))
            #expect(await enforcer.define([blocking]) == [target(1): .applied])
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
            let caller = try #require(try Caller(network, .alice, to: gateway, port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            expectSilence(caller, service)
            #expect(try (900...960).contains(blocked(alice) ?? 0))
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
            #expect(try blocked(alice) == nil)
            #expect(try network.connects(.alice, to: gateway))
        }

        @Test("takes who has run out, who is gone from the list and who is released, and keeps them over a restart")
        func ends() async throws {
            let addresses = (1...4).map { IPAddress.v4(0xc000_0200 + $0) }
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            _ = await enforcer?.define([blocking])
            let short = member(1, addresses[0], seconds: 3)
            _ = await enforcer?.apply([.open(short)] + addresses.dropFirst().map { .open(member(1, $0)) })
            while try blocked(addresses[0]) == nil, BootClock.now() < short.deadline.adding(milliseconds: 60_000) {
                await Task.yield()
            }
            #expect(BootClock.now() >= short.deadline)
            let result = await enforcer?.reconcile([blocking], [member(1, addresses[2]), member(1, addresses[3])])
            #expect(result?.failures.isEmpty == true && result?.stuck.isEmpty == true)
            for address in addresses.prefix(2) { #expect(try blocked(address) != nil) }
            enforcer = nil
            let next = try network.enforcer()
            #expect(await next.reconcile([blocking], [member(1, addresses[2])]).removed == 1)
            for address in [addresses[0], addresses[1], addresses[3]] { #expect(try blocked(address) != nil) }
            #expect(await next.apply([.open(member(1, addresses[0]))]) == [.applied])
            #expect(try blocked(addresses[0]) == nil)
            let released = ipsetTarget(1, ipv6: "allow6", block4: "ended4", block6: "ended6", nil, purpose: .released)
            #expect(await next.define([released]) == [target(1): .applied])
            #expect(try addresses.allSatisfy { try blocked($0) != nil })
        }

        @Test("leaves alone whom another Knoc lets in, and what somebody else has put there")
        func others() async throws {
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            try network.ipset(.gateway, "add ended4 \(mallory) timeout 0 comment banned")
            let enforcer = try network.enforcer()
            let other = ipsetTarget(2, ipv4: "more4", block4: "ended4", nil)
            _ = await enforcer.define([blocking, other])
            _ = await enforcer.apply([.open(member(1, alice)), .open(member(2, alice)), .open(member(1, mallory))])
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            #expect(try blocked(alice) == nil)
            #expect(await enforcer.apply([.close(target: target(1), address: mallory)]) == [.applied])
            #expect(await enforcer.apply([.open(member(1, mallory))]) == [.applied])
            #expect(try blocked(mallory) == 0, "still banned, for ever")
            #expect(await enforcer.apply([.close(target: target(2), address: alice)]) == [.applied])
            #expect(try blocked(alice) != nil)
        }

        @Test("that is gone keeps nobody's access from ending")
        func gone() async throws {
            let alice = network.address(.alice)
            let enforcer = try network.enforcer()
            _ = await enforcer.define([blocking])
            _ = await enforcer.apply([.open(member(1, alice))])
            for command in ["iptables -w -F", "ipset destroy ended4"] { try network.execute(.gateway, command) }
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            #expect(try !network.ipset(.gateway, "save allow4").contains("\(alice)"))
        }

        @Test("without comments, or one that lets its members in, is refused")
        func refused() async throws {
            try network.ipset(.gateway, "create bare4 hash:ip family inet timeout 60")
            let enforcer = try network.enforcer()
            let outcomes = await enforcer.define([
                ipsetTarget(1, block4: "bare4"), ipsetTarget(2, ipv4: "more4", block4: "allow4"), ipsetTarget(3),
            ])
            for (number, reason) in [(UInt128(1), "it has no comments"), (2, "lets its members in")] {
                guard case .failed(let found) = outcomes[target(number)] else {
                    Issue.record("target \(number) was taken")
                    continue
                }
                #expect(found.contains(reason))
            }
            #expect(outcomes[target(3)] == .applied)
        }

        /// Seconds for which it is in the set of its family; nil where it is not.
        private func blocked(_ address: IPAddress) throws -> Int? {
            let set = address.family == .v4 ? "ended4" : "ended6"
            let lines = try network.ipset(.gateway, "save \(set)").split(separator: "\n")
            let words = lines.first { $0.hasPrefix("add \(set) \(address) ") }?.split(separator: " ") ?? []
            return words.firstIndex(of: "timeout").flatMap { Int(words[$0 + 1]) }
        }
    }
}
