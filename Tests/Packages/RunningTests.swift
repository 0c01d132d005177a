import Foundation
import Lab
import Testing

extension PackagesSuite {
    @Suite("on a machine that runs", .timeLimit(PackagesSuite.limit)) struct RunningTests {
        /// As the agent writes it: it takes the guards over that it understands.
        static let guardFile = """
            #!/usr/sbin/nft -f
            # Written by knocknoc-agent: the ports that stay closed while it is not running.
            add table inet knocknoc
            add set inet knocknoc flow4 { type ipv4_addr . inet_proto . inet_service . inet_service; flags timeout; timeout 960s; }
            add set inet knocknoc flow6 { type ipv6_addr . inet_proto . inet_service . inet_service; flags timeout; timeout 960s; }
            add chain inet knocknoc ingress { type filter hook prerouting priority -150; policy accept; }
            add chain inet knocknoc egress { type filter hook postrouting priority 150; policy accept; }
            add set inet knocknoc g4_agq7wsxedcrfvtgbyhnujmikol { type ipv4_addr; flags timeout; timeout 1m; }
            add set inet knocknoc g6_agq7wsxedcrfvtgbyhnujmikol { type ipv6_addr; flags timeout; timeout 1m; }
            add chain inet knocknoc ia_agq7wsxedcrfvtgbyhnujmikol
            add chain inet knocknoc id_agq7wsxedcrfvtgbyhnujmikol
            add chain inet knocknoc ea_agq7wsxedcrfvtgbyhnujmikol
            add chain inet knocknoc ed_agq7wsxedcrfvtgbyhnujmikol
            flush chain inet knocknoc ia_agq7wsxedcrfvtgbyhnujmikol
            add rule inet knocknoc ia_agq7wsxedcrfvtgbyhnujmikol tcp dport 9000 fib daddr type local ip saddr @g4_agq7wsxedcrfvtgbyhnujmikol accept
            add rule inet knocknoc ia_agq7wsxedcrfvtgbyhnujmikol tcp dport 9000 fib daddr type local ip6 saddr @g6_agq7wsxedcrfvtgbyhnujmikol accept
            flush chain inet knocknoc id_agq7wsxedcrfvtgbyhnujmikol
            add rule inet knocknoc id_agq7wsxedcrfvtgbyhnujmikol tcp dport 9000 fib daddr type local drop
            flush chain inet knocknoc ea_agq7wsxedcrfvtgbyhnujmikol
            add rule inet knocknoc ea_agq7wsxedcrfvtgbyhnujmikol tcp sport 9000 fib saddr type local ip daddr @g4_agq7wsxedcrfvtgbyhnujmikol accept
            add rule inet knocknoc ea_agq7wsxedcrfvtgbyhnujmikol tcp sport 9000 fib saddr type local ip6 daddr @g6_agq7wsxedcrfvtgbyhnujmikol accept
            flush chain inet knocknoc ed_agq7wsxedcrfvtgbyhnujmikol
            add rule inet knocknoc ed_agq7wsxedcrfvtgbyhnujmikol tcp sport 9000 fib saddr type local drop
            flush chain inet knocknoc ingress
            add rule inet knocknoc ingress jump ia_agq7wsxedcrfvtgbyhnujmikol
            add rule inet knocknoc ingress jump id_agq7wsxedcrfvtgbyhnujmikol
            flush chain inet knocknoc egress
            add rule inet knocknoc egress jump ea_agq7wsxedcrfvtgbyhnujmikol
            add rule inet knocknoc egress jump ed_agq7wsxedcrfvtgbyhnujmikol

            """

        @Test("the service starts, is restarted by an upgrade after it has drained, and stops with the package")
        func service() async throws {
            let rack = try await Rack()
            do { try await service(try await rack.machine("p", 60)) } catch {
                let journals = await rack.journals()
                await rack.remove()
                throw LabError("\(error)\n\(journals)")
            }
            await rack.remove()
        }

        private func service(_ machine: Machine) async throws {
            try await machine.installServer()
            #expect(try await machine.attempt(["systemctl", "is-active", "knocknoc"]).text == "inactive\n")
            #expect(try await machine.settled() == "running")
            let configuration = """
                Listen = 127.0.0.1:443
                DatabaseURL = sqlite:///var/lib/knocknoc/knocknoc.db
                AgentBackend = none
                DrainSeconds = 1

                """
            try await machine.write(configuration, to: Installed.configuration, mode: "640", owner: "root:knocknoc")
            try await machine.run(["systemctl", "start", "knocknoc"])
            let healthy = "curl -sS --retry 50 --retry-connrefused --retry-delay 1 http://127.0.0.1:443/health"
            #expect(try await machine.shell(healthy).contains("ok"))
            let owner = try await machine.shell("stat -c %U:%G:%a /var/lib/knocknoc/knocknoc.db")
            #expect(owner == "knocknoc:knocknoc:600\n")
            let said = try await machine.shell("journalctl -q -u knocknoc -o cat")
            #expect(!said.contains("keeps rights") && !said.contains("priority"), "\(said)")

            let before = try await machine.shell("systemctl show -P InvocationID knocknoc")
            try await machine.shell("apt-get install -y -q --reinstall /run/knocknoc-packages/knocknoc_*.deb")
            #expect(try await machine.shell(healthy).contains("ok"))
            #expect(try await machine.shell("systemctl show -P InvocationID knocknoc") != before)
            #expect(try await machine.read(Installed.configuration) == configuration)
            #expect(try await machine.shell("systemctl show -P Result knocknoc") == "success\n")

            try await machine.shell("apt-get remove -y -q knocknoc")
            #expect(try await machine.attempt(["systemctl", "is-active", "knocknoc"]).text == "inactive\n")
            #expect(try await machine.attempt(["pgrep", "-u", "knocknoc"]).text == "")
        }

        @Test("the agent's service runs hardened; its guards outlive the package and a restart, until asked")
        func guards() async throws {
            let rack = try await Rack()
            do { try await guards(try await rack.machine("g", 61)) } catch {
                let journals = await rack.journals()
                await rack.remove()
                throw LabError("\(error)\n\(journals)")
            }
            await rack.remove()
        }

        private func guards(_ machine: Machine) async throws {
            try await machine.installAgent()
            try await machine.write(
                "ServerURL = http://127.0.0.1:9\nToken = 0123456789abcdef0123456789abcdef\n",
                to: Installed.agentConfiguration, mode: "600")
            try await machine.write(Self.guardFile, to: "/var/lib/knocknoc-agent/guard.nft", mode: "600")
            try await machine.run(["systemctl", "start", "knocknoc-agent"])
            let keys = "/var/lib/knocknoc-agent/keys.json"
            try await machine.shell("timeout 20 bash -c 'until [ -e \(keys) ]; do sleep 0.1; done'")
            #expect(try await machine.shell("systemctl is-active knocknoc-agent knocknoc-guard") == "active\nactive\n")
            #expect(try await closed(machine))

            let agent = try await machine.shell("journalctl -q -u knocknoc-agent -o cat")
            #expect(!agent.contains("ermitted") && !agent.contains("priority"), "\(agent)")

            let said = try await machine.shell("apt-get remove -y -q knocknoc-agent 2>&1")
            #expect(said.contains("stay closed to everybody"), "\(said)")
            #expect(try await closed(machine))
            try await machine.powerCycle()
            #expect(try await closed(machine))
            #expect(try await machine.attempt(["systemctl", "is-active", "knocknoc-guard"]).text == "active\n")

            try await machine.shell(
                """
                debconf-set-selections <<<'knocknoc-agent knocknoc-agent/purge-guards boolean true'
                apt-get purge -y -q knocknoc-agent
                """)
            #expect(try await closed(machine) == false)
            try await machine.powerCycle()
            #expect(try await closed(machine) == false)
        }

        /// Whether the kernel holds the guard.
        private func closed(_ machine: Machine) async throws -> Bool {
            try await machine.attempt(["nft", "list", "table", "inet", "knocknoc"]).text.contains("tcp dport 9000")
        }
    }
}
