import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("what the kernel writes")
struct KernelFormatTests {
    @Test("a change to our table by another process is told from our own and from other tables")
    func events() {
        let own = Self.event(family: 1, table: "knocknoc", port: 7)
        let filter = Self.event(family: 2, table: "filter", port: 8)
        (own + filter).withUnsafeBytes { bytes in
            let all = KernelEvents(bytes) { _ in false }
            #expect(all.own)
            #expect(all.tables == [KernelEvents.Table(family: 2, name: "filter")])
            #expect(!KernelEvents(bytes) { $0 == 7 }.own)
            #expect(KernelEvents(bytes) { _ in true }.isEmpty)
        }
        Self.event(family: 2, table: "knocknoc", port: 7).withUnsafeBytes { bytes in
            #expect(!KernelEvents(bytes) { _ in false }.own, "a table of family ip is not ours")
        }
    }

    @Test("messages that are cut short or lie about their length end the reading", arguments: 0..<48)
    func truncated(count: Int) {
        let bytes = Array(Self.event(family: 1, table: "knocknoc", port: 7).prefix(count))
        bytes.withUnsafeBytes { #expect(KernelEvents($0) { _ in false }.tables.isEmpty) }
        [UInt8](repeating: 0xff, count: count).withUnsafeBytes { #expect(KernelEvents($0) { _ in false }.isEmpty) }
    }

    @Test("ports that this host gives out itself are found, reserved ones left out")
    func localPorts() {
        let unreserved = LocalPorts.unreserved(
            [80, 32768, 40000, 40001, 60999, 61000], range: "32768\t60999\n", reserved: "40000,50000-61000\n")
        #expect(unreserved == [32768, 40001])
        #expect(LocalPorts.unreserved([40000], range: "32768 60999", reserved: "\n") == [40000])
    }

    @Test("the kernel's reason is taken out of the library's report")
    func reasons() {
        let error = NFTablesLibrary.error(
            "internal:0:0-0: Error: Could not process rule: Operation not permitted\n\nadd table x\n^^^\n")
        #expect(error.message == "Could not process rule: Operation not permitted")
        #expect(NFTablesLibrary.error("<cmd>:1:1: Error: No such file or directory\n").code == .missing)
    }

    @Test("the sources of a census are SSH's first, then the busiest, at most ten")
    func census() {
        let flow = { (client: UInt32, number: UInt16, port: UInt16) in
            Flow(
                client: .v4(client), clientPort: number, protocol: .tcp, destination: .v4(1), port: port,
                innerPort: port, established: true)
        }
        var flows = (0..<12).map { flow(100 + $0, 1, 80) }
        flows += [flow(50, 1, 80), flow(50, 2, 80), flow(60, 1, 22)]
        let census = NFTablesEnforcer.census(flows)
        #expect(census.flows == 15)
        #expect(census.sources.count == 10)
        #expect(Array(census.sources.prefix(3)) == [.v4(60), .v4(50), .v4(100)])
    }

    /// NFT_MSG_DELTABLE as the kernel sends it.
    private static func event(family: UInt8, table: String, port: UInt8) -> [UInt8] {
        var message = NetlinkMessage(nftables: 2, flags: 0, family: family)
        message.add(1, text: table)
        var bytes = message.bytes
        bytes[12] = port
        return bytes
    }
}
