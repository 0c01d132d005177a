import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("a guard")
    struct Guard {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        @Test(
            "opens for the member alone; after it closes no byte passes either way",
            arguments: IPAddress.Family.allCases)
        func opensAndCloses(family: IPAddress.Family) async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let (gateway, alice) = (network.address(.gateway, family), network.address(.alice, family))
            #expect(try network.connects(.alice, to: gateway))
            #expect(await enforcer.define([guardTarget(1)]) == [target(1): .applied])
            #expect(try !network.connects(.alice, to: gateway))
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
            let caller = try #require(try Caller(network, .alice, to: gateway, port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            #expect(try !network.connects(.mallory, to: gateway))
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            expectSilence(caller, service)
            #expect(try !network.connects(.alice, to: gateway))
        }

        @Test("cuts by the kernel alone when the time is up and the agent is dead")
        func deadAgent() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            let alice = member(1, network.address(.alice), seconds: 1.6)
            _ = await enforcer?.define([guardTarget(1)])
            #expect(await enforcer?.apply([.open(alice)]) == [.applied])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            enforcer = nil
            #expect(caller.hears())
            while BootClock.now() < alice.deadline {
                let nearlyOver = alice.deadline.adding(milliseconds: -100)
                #expect(caller.hears() || BootClock.now() >= nearlyOver)
            }
            expectSilence(caller, service)
            #expect(try !network.connects(.alice))
        }

        @Test("never lets a datagram through after the deadline, by the kernel alone")
        func deadline() async throws {
            let probe = try DatagramProbe(network)
            defer { probe.stop() }
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            _ = await enforcer?.define([guardTarget(1, .udp)])
            let alice = member(1, network.address(.alice), seconds: 1.5)
            #expect(await enforcer?.apply([.open(alice)]) == [.applied])
            enforcer = nil
            try probe.send(from: .alice)
            #expect(probe.waitForArrival(from: alice.address))
            #expect(probe.waitForSilence(from: alice.address))
            let last = try #require(probe.arrivals(from: alice.address).last)
            #expect(last.time <= alice.deadline.milliseconds)
            #expect(last.time > alice.deadline.milliseconds - 200)
        }

        @Test("stays when nobody wants it any more, and goes only when told to")
        func sticky() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            _ = await enforcer?.define([guardTarget(1)])
            _ = await enforcer?.apply([.open(member(1, network.address(.alice)))])
            #expect(try network.connects(.alice))
            _ = await enforcer?.define([guardTarget(1, purpose: .released)])
            #expect(try !network.connects(.alice))
            _ = await enforcer?.define([])
            #expect(try !network.connects(.alice))
            enforcer = nil
            let second = try network.enforcer()
            _ = await second.define([])
            #expect(try !network.connects(.alice))
            #expect(await second.define([guardTarget(1, purpose: .unguard)]) == [target(1): .applied])
            #expect(try network.connects(.alice))
            #expect(try !network.nft(.gateway, "list table inet knocknoc").contains(GuardName(target(1)).text))
        }

        @Test("covers a port published by destination NAT, and cuts its flows both ways")
        func published() async throws {
            let service = try ChattyService(network, .inner, port: 80)
            defer { service.stop() }
            try network.nft(.gateway, "add table ip nat")
            try network.nft(
                .gateway, "add chain ip nat pre { type nat hook prerouting priority dstnat; }")
            try network.nft(.gateway, "add rule ip nat pre tcp dport 9000 dnat to 10.77.3.2:80")
            let enforcer = try network.enforcer()
            #expect(try network.connects(.mallory))
            _ = await enforcer.define([guardTarget(1)])
            #expect(try !network.connects(.mallory))
            let alice = network.address(.alice)
            _ = await enforcer.apply([.open(member(1, alice))])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            _ = await enforcer.apply([.close(target: target(1), address: alice)])
            expectSilence(caller, service)
        }

        @Test("to other hosts is limited to its destinations")
        func forward() async throws {
            let service = try ChattyService(network, .inner, port: 9000)
            let other = try ChattyService(network, .mallory, port: 9000)
            defer {
                service.stop()
                other.stop()
            }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([
                guardTarget(1, forward: true, destinations: [try CIDR(parsing: "10.77.3.0/24")])
            ])
            let (alice, inner) = (network.address(.alice), network.address(.inner))
            #expect(try !network.connects(.alice, to: inner))
            #expect(try network.connects(.alice, to: network.address(.mallory)))
            _ = await enforcer.apply([.open(member(1, alice))])
            let caller = try #require(try Caller(network, .alice, to: inner, port: 9000))
            defer { caller.stop() }
            #expect(try !network.connects(.mallory, to: inner))
            _ = await enforcer.apply([.close(target: target(1), address: alice)])
            expectSilence(caller, service)
        }

        @Test("leaves alone loopback, this host's own connections and other ports")
        func neighbours() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            let other = try ChattyService(network, .gateway, port: 9001)
            let away = try ChattyService(network, .inner, port: 9000)
            defer {
                service.stop()
                other.stop()
                away.stop()
            }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1)])
            #expect(try network.connects(.gateway, to: .v4(0x7f00_0001)))
            #expect(try network.connects(.gateway, to: network.address(.inner)))
            #expect(try network.connects(.alice, to: network.address(.inner)))
            #expect(try network.connects(.alice, port: 9001))
            _ = await enforcer.define([guardTarget(1), guardTarget(2, loopback: true)])
            #expect(try !network.connects(.gateway, to: .v4(0x7f00_0001)))
            _ = await enforcer.apply([.open(member(2, .v4(0x7f00_0001)))])
            #expect(try network.connects(.gateway, to: .v4(0x7f00_0001)))
        }

        @Test("shared by two Knocs is open until the last one ends, in either order", arguments: [1, 2])
        func shared(first: UInt128) async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1), guardTarget(2, .tcp, [9000, 9001])])
            let alice = network.address(.alice)
            _ = await enforcer.apply([.open(member(1, alice)), .open(member(2, alice))])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            _ = await enforcer.apply([.close(target: target(first), address: alice)])
            #expect(caller.hears())
            #expect(try network.connects(.alice))
            _ = await enforcer.apply([.close(target: target(3 - first), address: alice)])
            expectSilence(caller, service)
            #expect(try !network.connects(.alice))
        }

        @Test("cut off, a member stays a member: the old connection is dead, a new one comes about")
        func cutStays() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1)])
            let alice = network.address(.alice)
            _ = await enforcer.apply([.open(member(1, alice))])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            #expect(await enforcer.apply([.cut(target: target(1), address: alice)]) == [.applied])
            expectSilence(caller, service)
            #expect(try network.connects(.alice))
        }

        @Test("is refused on ports of NeverGuard and of outgoing connections; AlwaysAllow passes")
        func limits() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer(
                NFTablesOptions(alwaysAllow: [try CIDR(parsing: "10.77.2.0/24")], neverGuard: [22]))
            let outcomes = await enforcer.define([
                guardTarget(1), guardTarget(2, .tcp, [22]), guardTarget(3, .tcp, [40000]),
            ])
            #expect(outcomes[target(1)] == .applied)
            #expect(outcomes[target(2)] == .failed("port 22 is in NeverGuard of this host's own configuration"))
            guard case .failed(let reason) = outcomes[target(3)] else {
                Issue.record("a guard on a port of outgoing connections was taken")
                return
            }
            #expect(reason.contains("net.ipv4.ip_local_reserved_ports = 40000"))
            #expect(try network.connects(.mallory))
            #expect(try !network.connects(.alice))
            try network.sysctl(.gateway, "net.ipv4.ip_local_reserved_ports=40000")
            #expect(await enforcer.define([guardTarget(3, .tcp, [40000])]) == [target(3): .applied])
        }

        @Test("counts beforehand the flows that it would cut")
        func census() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            #expect(caller.hears())
            let census = await enforcer.flowsCut(by: NFTablesGuard(protocol: .tcp, ports: [9000]))
            #expect(census == FlowCensus(flows: 1, sources: [network.address(.alice)]))
            #expect(await enforcer.flowsCut(by: NFTablesGuard(protocol: .tcp, ports: [9001])).flows == 0)
        }
    }
}
