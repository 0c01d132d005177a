import CMnl
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
            let all = Self.events(bytes) { _ in false }
            #expect(all.own)
            #expect(all.tables == [KernelEvents.Table(family: 2, name: "filter")])
            #expect(!Self.events(bytes) { $0 == 7 }.own)
            #expect(Self.events(bytes) { _ in true }.isEmpty)
        }
        Self.event(family: 2, table: "knocknoc", port: 7).withUnsafeBytes { bytes in
            #expect(!Self.events(bytes) { _ in false }.own, "a table of family ip is not ours")
        }
    }

    @Test("messages that are cut short or lie about their length end the reading", arguments: 0..<48)
    func truncated(count: Int) {
        let bytes = Array(Self.event(family: 1, table: "knocknoc", port: 7).prefix(count))
        bytes.withUnsafeBytes { #expect(Self.events($0) { _ in false }.tables.isEmpty) }
        [UInt8](repeating: 0xff, count: count).withUnsafeBytes { #expect(Self.events($0) { _ in false }.isEmpty) }
    }

    @Test(
        "a comment is read as nft writes it, and nothing of data that is not as it says",
        arguments: [
            ([0, 4] + Array("abc\0".utf8), "abc"), ([1, 1, 9, 0, 2] + Array("a\0".utf8), "a"),
            ([0, 3] + Array("abc".utf8), "abc"), ([0, 200] + Array("abc".utf8), nil), ([0], nil), ([], nil),
        ] as [([UInt8], String?)])
    func comment(data: [UInt8], text: String?) throws {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(NFT_MSG_NEWSETELEM.rawValue)
        let message = NetlinkMessage(type: type, flags: 0) { header in
            header.put(nfgenmsg(nfgen_family: 1, version: 0, res_id: 0))
            let list = mnl_attr_nest_start(header, UInt16(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue))
            let element = mnl_attr_nest_start(header, UInt16(NFTA_LIST_ELEM.rawValue))
            let key = mnl_attr_nest_start(header, UInt16(NFTA_SET_ELEM_KEY.rawValue))
            mnl_attr_put_u32(header, UInt16(NFTA_DATA_VALUE.rawValue), 7)
            mnl_attr_nest_end(header, key)
            mnl_attr_put(header, UInt16(NFTA_SET_ELEM_USERDATA.rawValue), data.count, data)
            mnl_attr_nest_end(header, element)
            mnl_attr_nest_end(header, list)
        }
        var comments: [String?] = []
        let found = try message.bytes.withUnsafeBytes { bytes in
            let header = try #require(NetlinkMessages(bytes).first { _ in true })
            return try #require(SetContent(elementsIn: header)).elements { comment in
                comments.append(comment)
                return false
            }
        }
        #expect(comments == [text])
        #expect(found.first?.key.count == 4)
        #expect(found.first?.expiration == nil)
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

    private static func events(_ bytes: UnsafeRawBufferPointer, isOurs: (UInt32) -> Bool) -> KernelEvents {
        KernelEvents(NetlinkMessages(bytes), isOurs: isOurs)
    }

    /// NFT_MSG_DELTABLE as the kernel sends it.
    private static func event(family: UInt8, table: String, port: UInt32) -> [UInt8] {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(NFT_MSG_DELTABLE.rawValue)
        let message = NetlinkMessage(type: type, flags: 0) { header in
            header.pointee.nlmsg_pid = port
            header.put(nfgenmsg(nfgen_family: family, version: 0, res_id: 0))
            mnl_attr_put_strz(header, UInt16(NFTA_TABLE_NAME.rawValue), table)
        }
        return message.bytes
    }
}
