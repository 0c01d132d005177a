import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("what another backend lets in")
    struct Others {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        /// Nothing in the kernel refuses anybody here: the proxy before the service would.
        private func proxied(_ number: UInt128) -> TargetDefinition {
            let backend = HAProxyBackend(
                socket: "/run/h.sock", list: .map("/etc/h.map"), file: "/etc/h.map",
                flows: FlowMatch(protocol: .tcp, ports: [9000]))
            return TargetDefinition(id: target(number), backend: .haproxy(backend), confirmed: true, purpose: .enforce)
        }

        @Test("has its flows cut when its time is up", arguments: IPAddress.Family.allCases)
        func expires(family: IPAddress.Family) async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let alice = member(1, network.address(.alice, family), seconds: 1.5)
            #expect(await enforcer.define([proxied(1)]) == [target(1): .applied])
            #expect(await enforcer.apply([.open(alice)]) == [.applied])
            let server = network.address(.gateway, family)
            let caller = try #require(try Caller(network, .alice, to: server, port: 9000))
            defer { caller.stop() }
            while caller.hears(milliseconds: 100) {}
            #expect(BootClock.now() >= alice.deadline)
            expectSilence(caller, service)
            // Only flows end here; who may come is the other's to say.
            #expect(try network.connects(.alice, to: server))
        }

        @Test("keeps its flows while another backend lets the same through, whichever ends first")
        func shared() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            let alice = network.address(.alice)
            _ = await enforcer.define([proxied(1), proxied(2)])
            _ = await enforcer.apply([.open(member(1, alice)), .open(member(2, alice))])
            let caller = try #require(try Caller(network, .alice, to: network.address(.gateway), port: 9000))
            defer { caller.stop() }
            #expect(await enforcer.apply([.close(target: target(1), address: alice)]) == [.applied])
            #expect(caller.hears())
            // What is left out of a reconciliation has ended, too.
            let result = await enforcer.reconcile([proxied(1), proxied(2)], [])
            #expect(result.targets == [target(1): .applied, target(2): .applied])
            #expect(result.failures.isEmpty && result.stuck.isEmpty)
            expectSilence(caller, service)
        }
    }
}
