import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    /// A client whose IPv6 address changes within its network.
    @Suite("a prefix")
    struct Prefix {
        enum Form: String, CaseIterable { case guardForm = "guard", set, ipset }

        /// What stands for all of alice's network, fd77:1::/64.
        private static let whole = IPAddress.v6(0xfd77_0001 << 96)

        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        private func definition(_ form: Form, _ number: UInt128, prefix: Int?) -> TargetDefinition {
            var definition =
                switch form {
                case .guardForm: guardTarget(number)
                case .set: setTarget(number, ipv4: nil)
                case .ipset: ipsetTarget(number, ipv4: nil, ipv6: "allow6")
                }
            definition.backend.ipv6Prefix = prefix
            return definition
        }

        /// Rules of an administrator, who masks where the set does not.
        private func prepare(_ form: Form, masked: Bool) throws {
            switch form {
            case .guardForm: break
            case .set:
                try network.nft(.gateway, "add table inet filter")
                try network.nft(.gateway, "add set inet filter allowed6 { type ipv6_addr; flags timeout; }")
                try network.nft(.gateway, "add chain inet filter input { type filter hook input priority 0; }")
                let mask = masked ? " & ffff:ffff:ffff:ffff::" : ""
                for rule in [
                    "ct state established,related accept", "ip6 saddr\(mask) @allowed6 accept", "tcp dport 9000 drop",
                ] {
                    try network.nft(.gateway, "add rule inet filter input \(rule)")
                }
            case .ipset:
                let type = masked ? "hash:net" : "hash:ip"
                try network.ipset(.gateway, "create allow6 \(type) family inet6 timeout 60 comment")
                for rule in [
                    "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                    "-p tcp --dport 9000 -m set --match-set allow6 src -j ACCEPT", "-p tcp --dport 9000 -j DROP",
                ] {
                    try network.execute(.gateway, "ip6tables -w -A INPUT \(rule)")
                }
            }
        }

        /// Alice comes from another address of her network from now on.
        private func renumber() throws {
            try network.ip(.alice, "addr add fd77:1::beef:7/64 dev eth0 nodad")
            try network.ip(.alice, "addr del fd77:1::2/64 dev eth0")
        }

        @Test(
            "lets in every address of the client's network and none of the next; all of its flows end",
            arguments: Form.allCases)
        func whole(form: Form) async throws {
            try prepare(form, masked: true)
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let (gateway, alice) = (network.address(.gateway, .v6), Self.whole)
            #expect(await enforcer.define([definition(form, 1, prefix: 64)]) == [target(1): .applied])
            #expect(try !network.connects(.alice, to: gateway))
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
            let first = try #require(try Caller(network, .alice, to: gateway, port: 9000))
            defer { first.stop() }
            #expect(first.hears())
            try network.ip(.alice, "addr add fd77:1::beef:7/64 dev eth0 nodad")
            try network.ip(.alice, "addr change fd77:1::2/64 dev eth0 preferred_lft 0")
            let second = try #require(try Caller(network, .alice, to: gateway, port: 9000))
            defer { second.stop() }
            #expect(second.hears() && first.hears())
            #expect(try !network.connects(.mallory, to: gateway))
            // What is there is adopted as it is.
            let again = await enforcer.reconcile([definition(form, 1, prefix: 64)], [member(1, alice)])
            #expect((again.added, again.removed) == (0, 0))
            #expect(again.failures.isEmpty)
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            expectSilence(first, service)
            expectSilence(second, service)
            #expect(try !network.connects(.alice, to: gateway))
        }

        @Test("of 128 bits is one address", arguments: Form.allCases)
        func single(form: Form) async throws {
            try prepare(form, masked: false)
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let gateway = network.address(.gateway, .v6)
            #expect(await enforcer.define([definition(form, 1, prefix: nil)]) == [target(1): .applied])
            #expect(await enforcer.apply([.open(member(1, network.address(.alice, .v6)))]) == [.applied])
            #expect(try network.connects(.alice, to: gateway))
            try renumber()
            #expect(try !network.connects(.alice, to: gateway))
        }

        @Test("a flow lives on while another target still lets its own address through")
        func spared() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let (gateway, alice) = (network.address(.gateway, .v6), network.address(.alice, .v6))
            let whole = Self.whole
            _ = await enforcer.define([
                definition(.guardForm, 1, prefix: 64), definition(.guardForm, 2, prefix: nil),
            ])
            #expect(await enforcer.apply([.open(member(1, whole)), .open(member(2, alice))]) == [.applied, .applied])
            let caller = try #require(try Caller(network, .alice, to: gateway, port: 9000))
            defer { caller.stop() }
            #expect(await enforcer.apply([.close(target: target(1), address: whole)]) == [.applied])
            #expect(caller.hears())
            #expect(await enforcer.apply([.open(member(1, whole))]) == [.applied])
            #expect(await enforcer.apply([.close(target: target(2), address: alice)]) == [.applied])
            #expect(caller.hears())
            #expect(await enforcer.apply([.close(target: target(1), address: whole)]) == [.applied])
            expectSilence(caller, service)
        }

        @Test("elements of other sizes in a set of ipset are of other targets")
        func sizes() async throws {
            try prepare(.ipset, masked: true)
            let enforcer = try network.enforcer()
            let targets = [definition(.ipset, 1, prefix: 64), definition(.ipset, 2, prefix: nil)]
            #expect(await enforcer.define(targets) == [target(1): .applied, target(2): .applied])
            let (whole, alice) = (Self.whole, network.address(.alice, .v6))
            #expect(await enforcer.apply([.open(member(1, whole)), .open(member(2, alice))]) == [.applied, .applied])
            let listed = try network.ipset(.gateway, "list allow6")
            #expect(listed.contains("fd77:1::/64 ") && listed.contains("fd77:1::2 "))
            let result = await enforcer.reconcile(targets, [member(2, alice)])
            #expect((result.added, result.removed) == (0, 1))
            let left = try network.ipset(.gateway, "list allow6")
            #expect(!left.contains("fd77:1::/64 ") && left.contains("fd77:1::2 "))
        }

        @Test("a set of single addresses is refused for networks, with the command that makes one for them")
        func wrongType() async throws {
            try prepare(.ipset, masked: false)
            let enforcer = try network.enforcer()
            let outcome = await enforcer.define([definition(.ipset, 1, prefix: 64)])[target(1)]
            guard case .failed(let reason)? = outcome else {
                throw EnforcementError(.refused, "\(String(describing: outcome))")
            }
            #expect(reason.contains("hash:net") && reason.contains("/64"))
        }
    }
}
