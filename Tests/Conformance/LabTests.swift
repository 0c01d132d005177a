import Glibc
import Lab
import Testing

extension WholeSystem {
    /// What the other tests look through: it must itself see both an open and a closed port.
    @Suite("the lab itself") struct LabTests {
        @Test("a watch sees a port close and open, in both families", arguments: [false, true])
        func watch(family6: Bool) async throws {
            let network = Network()
            let one = try await network.host("1", 1)
            let two = try await network.host("2", 2)
            let service = try await Probe.service(on: one, port: 9000)
            let address = family6 ? one.ipv6 : one.ipv4
            let probe = try Probe.watch(from: two, to: address, port: 9000)
            try await probe.until(open: true)
            let held = try await Probe.connection(from: two, to: address, port: 9000)
            let before = Clock.now
            try await one.nft(
                "table inet lab { chain c { type filter hook prerouting priority -150; tcp dport 9000 drop; }; }\n")
            let closed = try await probe.until(open: false)
            #expect(closed.begun > before - 0.05 && closed.begun < before + 0.5)
            #expect(try await Probe.isOpen(from: two, to: address, port: 9000) == false)
            try await one.run(["nft", "delete", "table", "inet", "lab"])
            try await probe.until(open: true)
            #expect(!held.received().isEmpty)
            #expect(!service.received(from: family6 ? two.ipv6 : two.ipv4).isEmpty)
            for probe in [service, probe, held] { await probe.stop() }
            await network.remove()
        }

        @Test("a Postgres of its own answers over the wire")
        func postgres() async throws {
            let network = Network()
            let cluster = try await PostgresCluster(on: try await network.host("d", 20))
            #expect(try await cluster.query("select 1 + 1") == "2\n")
            await cluster.remove()
            await network.remove()
        }
    }
}
