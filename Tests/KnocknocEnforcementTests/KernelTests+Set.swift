import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("a set of the administrator's own ruleset")
    struct SetForm {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        /// The usual ruleset: what is established passes before anybody looks at the set.
        private func ruleset(flags: String = "flags timeout;") throws {
            try network.nft(.gateway, "add table inet filter")
            for (name, type) in [("allowed4", "ipv4_addr"), ("allowed6", "ipv6_addr")] {
                try network.nft(.gateway, "add set inet filter \(name) { type \(type); \(flags) }")
            }
            for (chain, hook) in [("input", "input"), ("forward", "forward")] {
                try network.nft(
                    .gateway, "add chain inet filter \(chain) { type filter hook \(hook) priority 0; }")
                for rule in [
                    "ct state established,related accept", "ip saddr @allowed4 accept", "ip6 saddr @allowed6 accept",
                    "tcp dport 9000 drop",
                ] {
                    try network.nft(.gateway, "add rule inet filter \(chain) \(rule)")
                }
            }
        }

        @Test(
            "opens and closes; no byte passes after, though established flows are accepted",
            arguments: IPAddress.Family.allCases, [TestNetwork.Host.gateway, .inner])
        func opensAndCloses(family: IPAddress.Family, host: TestNetwork.Host) async throws {
            try ruleset()
            try await network.expectOpening(setTarget(1), to: host, family)
        }

        @Test("cuts the flows of a member whose time is up")
        func expires() async throws {
            try ruleset()
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([setTarget(1)])
            let alice = member(1, network.address(.alice), seconds: 1.5)
            _ = await enforcer.apply([.open(alice)])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            while caller.hears(milliseconds: 100) {}
            #expect(BootClock.now() >= alice.deadline)
            #expect(BootClock.now() < alice.deadline.adding(milliseconds: 400))
            expectSilence(caller, service)
        }

        @Test("cut, a flow of the same source port is refused, and let through again with the next grant")
        func sameSourcePort() async throws {
            try ruleset()
            let probe = try DatagramProbe(network)
            defer { probe.stop() }
            for rule in ["ct state established,related accept", "ip saddr @allowed4 accept", "udp dport 9000 drop"] {
                try network.nft(.gateway, "add rule inet filter input \(rule)")
            }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([setTarget(1, .udp)])
            let alice = member(1, network.address(.alice))
            #expect(await enforcer.apply([.open(alice)]) == [.applied])
            // One socket for all of it: the same source port.
            try probe.send(from: .alice)
            #expect(probe.waitForArrival(from: alice.address))
            #expect(await enforcer.apply([.close(target: target(1), address: alice.address)]) == [.applied])
            #expect(probe.waitForSilence(from: alice.address))
            #expect(await enforcer.apply([.open(alice)]) == [.applied])
            #expect(probe.waitForArrival(from: alice.address))
        }

        @Test("beside a guard on the same port its flows are cut, whichever ends first", arguments: [1, 2])
        func besideGuard(first: UInt128) async throws {
            try ruleset()
            let service = try ChattyService(network, .inner, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            // The guard is for this host alone; the set lets through to the host behind it.
            _ = await enforcer.define([guardTarget(1), setTarget(2)])
            let (alice, inner) = (network.address(.alice), network.address(.inner))
            _ = await enforcer.apply([.open(member(1, alice)), .open(member(2, alice))])
            let caller = try #require(try Caller(network, .alice, to: inner, port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            for number in [first, 3 - first] {
                #expect(await enforcer.apply([.close(target: target(number), address: alice)]) == [.applied])
            }
            expectSilence(caller, service)
        }

        @Test("is remembered by a guard on its port across a restart of the agent")
        func besideGuardAfterRestart() async throws {
            try ruleset()
            let service = try ChattyService(network, .inner, port: 9000)
            defer { service.stop() }
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            let alice = network.address(.alice)
            _ = await enforcer?.define([guardTarget(1), setTarget(2)])
            _ = await enforcer?.apply([.open(member(1, alice)), .open(member(2, alice))])
            let caller = try #require(try Caller(network, .alice, to: network.address(.inner), port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            enforcer = nil
            let next = try network.enforcer()
            _ = await next.reconcile([guardTarget(1)], [member(1, alice)])
            #expect(caller.hears())
            #expect(await next.apply([.close(target: target(1), address: alice)]) == [.applied])
            expectSilence(caller, service)
        }

        @Test("has its flows' sockets ended though an earlier step of the cut failed")
        func everyStep() async throws {
            try ruleset()
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let alice = network.address(.alice)
            _ = await enforcer.define([setTarget(1)])
            _ = await enforcer.apply([.open(member(1, alice))])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            try await enforcer.use(HalfBlindCutter(try FlowCutter(networkNamespace: network.path(.gateway))))
            let outcome = await enforcer.apply([.close(target: target(1), address: alice)])[0]
            #expect(outcome == .failed("closed to new flows, but established ones could not be cut: half is not seen"))
            expectSilence(caller, service)
        }

        @Test("keeps elements that are not ours, before and after")
        func foreignElements() async throws {
            try ruleset()
            let alice = network.address(.alice)
            try network.nft(.gateway, "add element inet filter allowed4 { \(alice), 192.0.2.7 timeout 1h }")
            let enforcer = try network.enforcer()
            let mallory = network.address(.mallory)
            let result = await enforcer.reconcile([setTarget(1)], [member(1, alice), member(1, mallory)])
            #expect(result.failures.isEmpty)
            #expect(result.added == 1)
            #expect(
                await enforcer.apply([
                    .close(target: target(1), address: alice), .close(target: target(1), address: mallory),
                ]) == [.applied, .applied])
            _ = await enforcer.define([setTarget(1, purpose: .released)])
            let listing = try network.nft(.gateway, "list set inet filter allowed4")
            #expect(listing.contains("\(alice)") && listing.contains("192.0.2.7"))
            #expect(!listing.contains("\(mallory)"))
        }

        @Test("that is missing or cannot hold a timeout is refused with the reason; it works once it is there")
        func refused() async throws {
            let enforcer = try network.enforcer()
            #expect(
                await enforcer.define([setTarget(1, ipv6: nil)])
                    == [target(1): .failed("set inet filter allowed4: No such file or directory")])
            let alice = network.address(.alice)
            #expect(
                await enforcer.apply([.open(member(1, alice)), .close(target: target(1), address: alice)])
                    == [.failed("set inet filter allowed4: No such file or directory"), .applied])
            try ruleset(flags: "")
            guard case .failed(let reason) = await enforcer.define([setTarget(1)])[target(1)] else {
                Issue.record("a set without timeouts was taken")
                return
            }
            #expect(reason.contains("inet filter allowed4") && reason.contains("timeout flag"))
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            try network.nft(.gateway, "delete table inet filter")
            #expect(await disturbances.next() == .changed)
            try ruleset()
            #expect(await enforcer.define([setTarget(1)]) == [target(1): .applied])
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
        }

        @Test("shared by two Knocs stays open until the last one ends and shortens when the longer one does")
        func shared() async throws {
            try ruleset()
            try await network.expectSharing(setTarget(1), setTarget(2, .tcp, [9000, 9001]), left: remaining)
        }

        @Test("takes more elements than one transaction holds, and loses none")
        func many() async throws {
            try ruleset()
            let enforcer = try network.enforcer()
            _ = await enforcer.define([setTarget(1)])
            let members = (0..<12_000).map { member(1, .v4(0x0b00_0000 + UInt32($0))) }
            let outcomes = await enforcer.apply(members.map { .open($0) })
            #expect(outcomes.allSatisfy { $0 == .applied })
            let result = await enforcer.reconcile([setTarget(1)], Array(members.dropLast(2000)))
            #expect(result.added == 0)
            #expect(result.removed == 2000)
        }

        @Test("what is there although it was not a moment ago is replaced, with everything else of its transaction")
        func lateComer() throws {
            try ruleset()
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            try network.nft(.gateway, "add element inet filter allowed4 { \(alice) timeout 1h comment \"knocknoc\" }")
            let set = ElementSet(
                family: .inet, table: "filter", name: "allowed4", addresses: .v4, isOurs: false)
            let steps = [mallory, alice].map {
                CommandBatch.Step.create(Element(set: set, address: $0), milliseconds: 30_000)
            }
            #expect(try network.on(.gateway) { (try? Kernel())?.run(steps).isEmpty } == true)
            for address in [alice, mallory] {
                #expect(try (20...30).contains(remaining(address)))
            }
        }

        private func remaining(_ address: IPAddress) throws -> Int64 {
            try network.on(.gateway) {
                let set = TableSet(
                    family: .inet, table: "filter", name: "allowed4", addresses: .v4, isOurs: false)
                return (try? SetReader().find(address, in: set))??.expiration ?? 0
            } / 1000
        }
    }
}
