import CConntrack
import CMnl
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("connection tracking")
    struct Flows {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        private func track(_ source: IPAddress, _ destination: IPAddress, zone: [String] = []) throws {
            let ends = ["-s", source.description, "-d", destination.description]
            let place = ["-p", "udp", "--sport", "4000", "--dport", "9000", "-t", "600"]
            try TestNetwork.run(
                ["nsenter", "--net=" + network.path(.gateway), "conntrack", "-I"] + ends + place + zone)
        }

        @Test("the kernel hands over what has the address at that end, nothing else")
        func filter() throws {
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            let gateway = network.address(.gateway)
            try track(alice, gateway)
            try track(mallory, gateway)
            try track(gateway, mallory)
            let places = [
                (alice, ConntrackEntry.End.source), (alice, .destination), (gateway, .destination), (mallory, .source),
            ]
            let counts = try network.on(.gateway) {
                places.map { address, end in
                    guard case .v4(let address) = address else { return -1 }
                    var count = 0
                    try? NetlinkSocket(bus: NETLINK_NETFILTER).request(.listing(address, at: end)) { _ in count += 1 }
                    return count
                }
            }
            #expect(counts == [1, 0, 2, 1])
        }

        @Test(
            "forgets a client's flows, by their own numbers, and leaves the others",
            arguments: IPAddress.Family.allCases, [[], ["--zone", "7"], ["--orig-zone", "7"]])
        func forgets(family: IPAddress.Family, zone: [String]) throws {
            let (alice, mallory) = (network.address(.alice, family), network.address(.mallory, family))
            let gateway = network.address(.gateway, family)
            try track(alice, gateway, zone: zone)
            try track(mallory, gateway, zone: zone)
            try track(gateway, alice, zone: zone)
            let (found, left) = try network.on(.gateway) { () -> ([ConntrackTable.Found], [IPAddress]) in
                guard let table = try? ConntrackTable() else { return ([], []) }
                let found = (try? table.find(of: [CIDR(alice)]) { _ in true }) ?? []
                try? table.forget(found)
                let left = (try? table.find(of: nil) { $0.port == 9000 }) ?? []
                return (found, left.map(\.flow.client))
            }
            // The second is tracked from its server's end.
            #expect(Set(found.map(\.flow.clientPort)) == [4000, 9000])
            #expect(left == [mallory])
            let bytes = try #require(found.first).removal.bytes
            var types: Set<UInt16> = []
            bytes.withUnsafeBytes { bytes in
                guard let header = NetlinkMessages(bytes).first(where: { _ in true }) else { return }
                _ = withUnsafeMutablePointer(to: &types) { types in
                    mnl_attr_parse(
                        header, UInt32(MemoryLayout<nfgenmsg>.size),
                        { attribute, types in
                            let types = types?.assumingMemoryBound(to: Set<UInt16>.self)
                            types?.pointee.insert(mnl_attr_get_type(attribute))
                            return MNL_CB_OK
                        }, types)
                }
            }
            // Whatever else an entry has would only make the kernel look at it.
            let names = [CTA_TUPLE_ORIG, CTA_ID] + (zone.first == "--zone" ? [CTA_ZONE] : [])
            #expect(types == Set(names.map { UInt16($0.rawValue) }))
        }
    }
}
