import Lab
import Testing

extension WholeHosts {
    /// What the scenarios stand on: a host that does not behave like one would prove nothing.
    @Suite("the hosts themselves") struct LabTests {
        @Test("a program on a terminal is driven by what it shows", .timeLimit(limit))
        func terminal() async throws {
            try await RackTrait.with { site in
                let machine = try await site.rack.machine("spare", 90)
                let terminal = try await machine.terminal([
                    "bash", "-c",
                    """
                    tty; hostname; read -rp 'Listen address: ' address
                    read -rsp 'Password: ' password; printf '\\n\\033[1m%s\\033[0m, %s letters\\n' "$address" ${#password}
                    exit 7
                    """,
                ])
                #expect(try await terminal.expect("/dev/pts/").isEmpty)
                #expect(try await terminal.expect("Listen address: ").contains("spare"))
                terminal.type("0.0.0.0:8756")
                try await terminal.expect("Password: ")
                terminal.type("secret")
                try await terminal.expect("0.0.0.0:8756, 6 letters")
                #expect(try await terminal.exit() == 7)
                #expect(!terminal.transcript.contains("secret"))
                let waiting = try await machine.terminal(["sh", "-c", "echo waiting; exec sleep 1000"])
                try await waiting.expect("waiting")
                waiting.press("\u{3}")
                #expect(try await waiting.exit() == 130)
            }
        }

        @Test(
            "packages come from the host's own archive, a power cut keeps the disk and nothing else, and a cut wire cuts",
            .timeLimit(limit))
        func power() async throws {
            try await RackTrait.with { site in
                let machine = try await site.rack.machine("spare", 90)
                let visitor = try await site.rack.visitor("visitor", 91)
                try await machine.apt("haproxy")
                try await machine.write("kept\n", to: "/var/lib/kept", mode: "640", owner: "root:haproxy")
                #expect(try await machine.run(["stat", "-c", "%a %G", "/var/lib/kept"]).line == "640 haproxy")
                try await machine.run(["nft", "add", "table", "inet", "lost"])
                try await machine.listenEarly(on: 9000)
                let boot = try await machine.read("/proc/sys/kernel/random/boot_id")
                let watch = try Probe.watch(from: visitor, to: machine.ipv4, port: 9000)
                try await watch.until(open: true)

                try await machine.reach(false)
                try await watch.until(open: false)
                #expect(await machine.isOn)
                try await machine.reach(true)
                try await watch.until(open: true)

                try await machine.powerOff()
                try await watch.until(open: false)
                await #expect(throws: LabError.self) { try await machine.run(["true"]) }
                try await machine.boot()
                try await watch.until(open: true)
                #expect(try await machine.read("/var/lib/kept") == "kept\n")
                #expect(try await machine.read("/proc/sys/kernel/random/boot_id") != boot)
                #expect(try await machine.run(["nft", "list", "tables"]).line.isEmpty)
                #expect(await machine.journal(500).isEmpty == false)
                await watch.stop()
            }
        }

        @Test("names lead to the other hosts", .timeLimit(limit))
        func names() async throws {
            try await RackTrait.with { site in
                let machine = try await site.rack.machine("spare", 90)
                try await site.rack.name("portal.example", machine)
                let answer = try await machine.run(["getent", "ahosts", "portal.example"]).text
                #expect(answer.contains(machine.ipv4) && answer.contains(machine.host.ipv6), "\(answer)")
            }
        }
    }
}
