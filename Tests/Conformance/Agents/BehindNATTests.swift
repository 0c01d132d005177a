import Lab
import Testing

extension WholeSystem {
    @Suite("an agent that nobody can reach") struct BehindNATTests {
        /// A network of two behind one address, as at home; port 9000 of that address leads to the machine inside.
        private static func hide(_ inside: Host, behind router: Host) async throws {
            try await inside.run(["ip", "link", "del", "eth0"])
            try await Shell.check([
                "ip", "link", "add", "in0", "netns", inside.namespace, "type", "veth", "peer", "name", "lan0", "netns",
                router.namespace,
            ])
            for (host, device, address) in [(inside, "in0", "192.168.77.2"), (router, "lan0", "192.168.77.1")] {
                try await host.run(["ip", "addr", "add", address + "/24", "dev", device])
                try await host.run(["ip", "link", "set", device, "up"])
            }
            try await inside.run(["ip", "route", "add", "default", "via", "192.168.77.1"])
            try await router.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
            try await router.nft(
                """
                table ip nat {
                    chain out { type nat hook postrouting priority 100; oifname "eth0" masquerade; }
                    chain in { type nat hook prerouting priority -100;
                        iifname "eth0" tcp dport 9000 dnat to 192.168.77.2:9000; }
                }

                """)
        }

        @Test("enforces with an address and a token alone, and listens nowhere but on its loopback", .timeLimit(limit))
        func hidden() async throws {
            try await Site.run(.twoNodes) { site in
                let router = try await site.another("r", 41)
                let inside = try await site.another("i", 42)
                try await Self.hide(inside, behind: router)
                let agent = try await site.anotherAgent("hidden", on: inside)
                try await site.untilOnline(agent: agent.id)
                let sockets = try await inside.run(["ss", "-Hltnup"]).text
                for line in sockets.split(separator: "\n") {
                    let words = line.split(separator: " ", omittingEmptySubsequences: true)
                    let address = words.count > 4 ? words[4] : ""
                    #expect(address.hasPrefix("127.") || address.hasPrefix("[::1]"), "\(line)")
                }

                let service = try await Probe.service(on: inside, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let made = try await site.admin.expect(
                    201, "POST", "/api/v1/admin/knocs",
                    [
                        "name": "home", "group_ids": [.string(group)], "grant_on": "click", "duration_seconds": 600,
                        "enforcement": [
                            ["agent_id": .string(agent.id), "backend": try await site.backend(.guard, port: 9000)]
                        ],
                    ])
                let knoc = try #require(made["id"].string)
                try await site.untilTargetsApplied("home")
                #expect(try await Probe.isOpen(from: site.alice, to: router.ipv4, port: 9000) == false)
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                #expect(try await Probe.isOpen(from: site.alice, to: router.ipv4, port: 9000))
                #expect(try await Probe.isOpen(from: site.mallory, to: router.ipv4, port: 9000) == false)
                #expect(try await client.change("DELETE", knoc)["state"].string == "closed")
                #expect(try await Probe.isOpen(from: site.alice, to: router.ipv4, port: 9000) == false)
                await service.stop()
            }
        }
    }
}
