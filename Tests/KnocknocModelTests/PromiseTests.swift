import Foundation
import KnocknocModel
import Testing

@Suite("what backends promise")
struct PromiseTests {
    private let flows = FlowMatch(protocol: .tcp, ports: [22])

    private var backends: [Backend] {
        let set = NFTablesSet(family: .inet, table: "t", ipv4: "a", ipv6: nil)
        var cut = set
        (cut.protocol, cut.ports) = (.tcp, [22])
        let haproxy = { (list: HAProxyBackend.List, flows: FlowMatch?) in
            Backend.haproxy(HAProxyBackend(socket: "/s", list: list, file: "/f", flows: flows))
        }
        return [
            .nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [22])), .nftablesSet(cut), .nftablesSet(set),
            .ipset(IPSetBackend(ipv4: "a", ipv6: nil, blockIPv4: "b")),
            .ipset(IPSetBackend(ipv4: "a", ipv6: nil, flows: flows)), .ipset(IPSetBackend(ipv4: "a", ipv6: nil)),
            haproxy(.map("/m"), flows), haproxy(.map("/m"), nil), haproxy(.acl("/m"), flows),
            haproxy(.acl("/m"), nil), .dryRun,
        ]
    }

    @Test("every backend has its row, and what closes by the agent alone is told from what the device ends")
    func rows() {
        for backend in backends {
            let promise = backend.promise
            #expect(BackendPromise.all.contains { $0 == promise }, "\(backend)")
        }
        #expect(Set(BackendPromise.all.map(\.form)).count == BackendPromise.all.count)
        let byAgent = BackendPromise.all.filter { !$0.endsByItself }
        #expect(
            byAgent.map(\.form) == [
                "HAProxy access list with ports", "HAProxy access list without ports", "script with ports",
                "script without ports",
            ])
        #expect(Set(byAgent.map(\.agentDead)) == ["stays open until the agent is back"])
    }

    @Test("the documents have the same table")
    func documents() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let text = try String(contentsOf: root.appending(path: "docs/backends/README.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces.union(["*"])) }
        }
        for promise in BackendPromise.all {
            let row = [promise.form, promise.newFlows, promise.establishedFlows, promise.agentDead]
            #expect(rows.contains(row), "docs/backends/README.md lacks: | \(row.joined(separator: " | ")) |")
        }
    }
}
