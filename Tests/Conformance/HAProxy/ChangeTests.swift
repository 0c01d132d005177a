import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("behind HAProxy: changes") struct ChangeTests {
        @Test(
            "nodes come and go, drain and restart, and HAProxy reloads, under load without one failed request",
            .timeLimit(limit))
        func underLoad() async throws {
            try await BalancedSite.run { balanced in
                let (site, balancer) = (balanced.site, balanced.balancer)
                let browser = try await balanced.signedIn()
                let load = try Hammer(
                    from: site.alice, to: balancer.host.ipv4, path: "/api/v1/me/knocs",
                    token: try #require(await browser.token))
                try await load.more(50)
                try await balancer.change(["--remove-node", "web-2"])
                #expect(try await balancer.status(of: "web-2") == "")
                try await load.more(50)
                try await balancer.change(["--node", balanced.nodes[1]])
                try await load.more(50)
                try await balancer.change(["--drain", "web-1"])
                try await balancer.until("web-1", is: "DRAIN")
                let before = await balanced.requests("/api/v1/me")
                for _ in 1...6 {
                    let fresh = try balancer.client(on: site.mallory)
                    await fresh.use(token: await browser.token)
                    #expect(try await fresh.get("/api/v1/me").status == 200)
                }
                let after = await balanced.requests("/api/v1/me")
                #expect(after == [before[0], before[1] + 6], "somebody new came to a node that drains")
                // It stays so over a reload, whoever asks for that.
                try await balancer.change(["--bind", "*", "--node", balanced.nodes[0]])
                try await balancer.reload()
                #expect(try await balancer.status(of: "web-1").hasPrefix("DRAIN"))
                try await balancer.change(["--ready", "web-1"])
                try await balancer.until("web-1", is: "UP")
                try await load.more(50)
                // The node's own drain: it says so, gets nobody new, and ends what it has.
                async let stopped = site.nodes[0].stop(SIGTERM)
                try await balancer.until("web-1", is: "NOLB")
                #expect(await stopped == 0)
                try await balancer.until("web-1", is: "DOWN")
                try await load.more(50)
                try await site.nodes[0].start()
                try await balancer.until("web-1", is: "UP")
                try await load.more(50)
                let count = try await load.stop()
                #expect(count.failures.isEmpty, "\(count.failures)")
                #expect(count.succeeded > 300)

                await balancer.stop(SIGTERM)
                #expect(try await browser.get("/api/v1/me").status == 0)
                try await balancer.start()
                #expect(try await browser.get("/api/v1/me").status == 200)
                try await balancer.until("web-1", is: "UP")
            }
        }

        @Test("what is wrong is refused in words, and everything stays as it was", .timeLimit(limit))
        func refused() async throws {
            try await BalancedSite.run { balanced in
                let (site, balancer) = (balanced.site, balanced.balancer)
                let again = try await balancer.change(["--init"] + balanced.nodes.flatMap { ["--node", $0] })
                #expect(again.errors.contains("is as it should be"), "\(again.errors)")
                #expect(again.text.contains("\nTrustedForwarders = 10.77.0.40/32\n"), "\(again.text)")
                #expect(again.text.contains("self-signed, SHA-256 "), "\(again.text)")
                let made = try balancer.text()
                let unprivileged = try await Shell.run([
                    "setpriv", "--reuid", "nobody", "--clear-groups", Lab.executable("knocknoc"), "knocker", "haproxy",
                    "--init", "--node", "a=192.0.2.1:1",
                ])
                #expect(unprivileged.status == 77 && unprivileged.errors.contains("needs root"), "\(unprivileged)")

                // Who answers there?
                let plain = try site.mallory.start(["python3", "-u", "-m", "http.server", "8756"])
                _ = try await plain.line { $0.hasPrefix("Serving") }
                for (node, words) in [
                    ("web-3=\(site.mallory.ipv4):8756", "is no Knocknoc web node"),
                    ("web-3=\(site.mallory.ipv4):1", "nobody answers"),
                    ("web-2=\(site.nodes[0].host.ipv4):8756", "are both at"),
                ] {
                    let result = try await balancer.knocker(["--node", node])
                    #expect([1, 78].contains(result.status) && result.errors.contains(words), "\(result)")
                }
                await plain.stop(SIGKILL)
                let last = try await balancer.knocker(["--remove-node", "web-1", "--remove-node", "web-2"])
                #expect(last.status == 78 && last.errors.contains("there is no web node"), "\(last)")
                #expect(try balancer.text() == made)

                // Where nobody could listen, nothing is changed.
                let nowhere = try await balancer.knocker(["--bind", "10.77.0.99"])
                #expect(nowhere.status == 78 && nowhere.errors.contains("no address of this machine"), "\(nowhere)")
                #expect(try balancer.text() == made)
                #expect(try await balanced.signedIn().get("/api/v1/me").status == 200)

                // A section of the administrator's that HAProxy does not accept.
                let broken = "listen mine\n    bind :8099\n    no such keyword\n" + made
                try balancer.write(broken)
                let result = try await balancer.knocker(["--remove-node", "web-2"])
                #expect(result.status == 78 && result.errors.contains("haproxy.cfg:3]"), "\(result)")
                #expect(try balancer.text() == broken)
                #expect(try await balancer.knocker(["--check"]).status == 78)
                #expect(try await balanced.signedIn().get("/api/v1/me").status == 200)

                // One that listens where we do, and one that is fine.
                try balancer.write("listen mine\n    mode tcp\n    bind 10.77.0.40:443\n" + made)
                let clash = try await balancer.knocker(["--remove-node", "web-2"])
                #expect(clash.status == 78 && clash.errors.contains("of yours listens where we would"), "\(clash)")
                try balancer.write(
                    "# mine: caf\u{e9}\r\n\tglobal\n" + made + "\ndefaults\n timeout connect 1s # mine\n")
                try await balancer.change(["--remove-node", "web-2"])
                let text = try balancer.text()
                #expect(text.hasPrefix("# mine: caf\u{e9}\r\n\tglobal\n"))
                #expect(text.hasSuffix("\ndefaults\n timeout connect 1s # mine\n"))
                #expect(try await balancer.status(of: "web-2") == "")
                try await balancer.change(["--node", balanced.nodes[1]])
                try balancer.write(made + "listen mine\n    bind :8099\n")
                let heir = try await balancer.knocker(["--check"])
                #expect(heir.status == 0 && heir.errors.contains("move it above our part"), "\(heir)")
                try balancer.write(made)

                // Somebody else at a node's address, with a certificate of his own.
                await site.nodes[1].stop(SIGKILL)
                let impostor = try await Impostor(on: site.nodes[1].host, port: 8756)
                try await impostor.untilRefused()
                #expect(try await balancer.status(of: "web-2").hasPrefix("DOWN"))
                #expect(impostor.requests == 0)
                // Only whoever takes the node out and in again says that the new certificate is right.
                try await balancer.change(["--node", balanced.nodes[1]])
                #expect(try await balancer.status(of: "web-2").hasPrefix("DOWN"))
                try await balancer.change(["--remove-node", "web-2", "--node", balanced.nodes[1]])
                try await balancer.until("web-2", is: "UP")
                await impostor.stop()
            }
        }

        @Test("on a web node's own host: over loopback, and a port that the node holds is named", .timeLimit(limit))
        func ownHost() async throws {
            try await Site.run(
                .twoNodes,
                environment: [
                    "KNOCKNOC_PUBLIC_URL": "https://knocknoc.test", "KNOCKNOC_TRUSTED_FORWARDERS": "127.0.0.1/32",
                ]
            ) { site in
                let balancer = try LoadBalancer(on: site.nodes[0].host)
                let node = ["--node", "web-1=127.0.0.1:8756"]
                let clash = try await balancer.knocker(["--init", "--bind", "*:8756"] + node)
                #expect(clash.status == 1 && clash.errors.contains("knocknoc already listens at"), "\(clash)")
                #expect(clash.errors.contains("Listen = 127.0.0.1:8756"), "\(clash)")
                let made = try await balancer.change(["--init"] + node)
                #expect(made.errors.contains("haproxy -W"), "\(made.errors)")
                try await balancer.start()
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let browser = try balancer.client(on: site.alice, family6: true)
                #expect(try await browser.signIn("alice", Site.password).status == 200)
                let session = try await browser.expect(200, "GET", "/api/v1/me")["session"]
                #expect(session["address"].string == site.alice.ipv6, "\(session)")
                let again = try await balancer.change(["--init"])
                #expect(again.text.contains("\nTrustedForwarders = 127.0.0.1/32\n"), "\(again.text)")
                await balancer.remove()
            }
        }
    }
}
