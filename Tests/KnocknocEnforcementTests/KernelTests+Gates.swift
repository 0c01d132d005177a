import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("several ways through one port")
    struct Gates {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        /// Port 9000 of this host and of the host behind it, each by a set of its own; what is established passes.
        private func ruleset() throws {
            try network.nft(.gateway, "add table inet filter")
            for (chain, set) in [("input", "front4"), ("forward", "behind4")] {
                try network.nft(.gateway, "add set inet filter \(set) { type ipv4_addr; flags timeout; }")
                try network.nft(.gateway, "add chain inet filter \(chain) { type filter hook \(chain) priority 0; }")
                for rule in ["ct state established,related accept", "ip saddr @\(set) accept", "tcp dport 9000 drop"] {
                    try network.nft(.gateway, "add rule inet filter \(chain) \(rule)")
                }
            }
        }

        private let targets = [setTarget(1, ipv4: "behind4", ipv6: nil), setTarget(2, ipv4: "front4", ipv6: nil)]

        @Test("the end of one is the end of its flows; those of the other come about anew, and never the ended one")
        func sets() async throws {
            try ruleset()
            let services = [
                try ChattyService(network, .inner, port: 9000), try ChattyService(network, .gateway, port: 9000),
            ]
            defer { for service in services { service.stop() } }
            let enforcer = try network.enforcer()
            let (alice, inner, gateway) = (
                network.address(.alice), network.address(.inner), network.address(.gateway)
            )
            #expect(await enforcer.define(targets).values.allSatisfy { $0 == .applied })
            _ = await enforcer.apply([.open(member(1, alice)), .open(member(2, alice))])
            let behind = try #require(try Caller(network, .alice, to: inner, port: 9000))
            let front = try #require(try Caller(network, .alice, to: gateway, port: 9000))
            defer { for caller in [behind, front] { caller.stop() } }
            #expect(behind.hears() && front.hears())
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            expectSilence(behind, services[0])
            // It learns of its end, and comes in again.
            let end = Sockets.now() + 60_000
            while !front.hasEnded, Sockets.now() < end { poll(nil, 0, 5) }
            #expect(front.hasEnded)
            #expect(try network.connects(.alice, to: gateway))
            #expect(try !network.connects(.alice, to: inner))
            // A new grant of the other one gives the ended flow nothing back.
            #expect(await enforcer.apply([.close(target: target(2), address: alice)]) == [.applied])
            #expect(await enforcer.apply([.open(member(2, alice))]) == [.applied])
            expectSilence(behind, services[0])
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
            #expect(try network.connects(.alice, to: inner))
        }

        @Test(
            "whoever is ended at once loses flows that the same set lets through for somebody else", arguments: [3, 2])
        func whole(other: UInt128) async throws {
            try ruleset()
            let service = try ChattyService(network, .inner, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let (alice, inner) = (network.address(.alice), network.address(.inner))
            let same = setTarget(3, ipv4: "behind4", ipv6: nil, .tcp, [9000, 9001])
            _ = await enforcer.define(targets + [same])
            // The other one is of the same set, or of another.
            _ = await enforcer.apply([.open(member(1, alice)), .open(member(other, alice))])
            let caller = try #require(try Caller(network, .alice, to: inner, port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            let steps: [MemberChange] = [
                .cut(target: target(1), address: alice), .close(target: target(1), address: alice),
            ]
            #expect(await enforcer.apply(steps) == [.applied, .applied])
            expectSilence(caller, service)
            #expect(try network.connects(.alice, to: inner) == (other == 3))
        }

        @Test("flows that an allow list names, as a server sends it, are cut")
        func allowList() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let board = AllowListBoard()
            board.listens(failure: nil)
            let enforcer = CompositeEnforcer(
                nftables: try network.enforcer(), others: [.allowList: AllowListEnforcer(board)])
            let list = AllowListBackend(
                flows: FlowMatch(protocol: .tcp, ports: [9000]),
                service: AllowListService(id: AllowListID(value: 1), keys: []))
            let definition = TargetDefinition(
                id: target(1), backend: .allowList(list), confirmed: true, purpose: .enforce)
            let alice = network.address(.alice)
            #expect(await enforcer.define([definition]) == [target(1): .applied])
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            expectSilence(caller, service)
        }

        @Test("a UDP client that keeps its port is heard again once what was late has been done")
        func late() async throws {
            let probe = try DatagramProbe(network)
            defer { probe.stop() }
            let proxy = RecordingEnforcer()
            let enforcer = CompositeEnforcer(nftables: try network.enforcer(), others: [.script: proxy])
            let script = ScriptBackend(path: "/opt/open", flows: FlowMatch(protocol: .udp, ports: [9000]))
            let definition = TargetDefinition(
                id: target(1), backend: .script(script), confirmed: true, purpose: .enforce)
            let alice = member(1, network.address(.alice))
            _ = await enforcer.define([definition])
            _ = await enforcer.apply([.open(alice)])
            try probe.send(from: .alice)
            #expect(probe.waitForArrival(from: alice.address))
            _ = await enforcer.apply([.close(target: target(1), address: alice.address)])
            #expect(probe.waitForSilence(from: alice.address))
            proxy.answer = .failed("still running")
            _ = await enforcer.apply([.open(alice)])
            proxy.answer = .applied
            #expect(await enforcer.reconcile([definition], [alice]).failures.isEmpty)
            #expect(probe.waitForArrival(from: alice.address))
        }
    }
}
