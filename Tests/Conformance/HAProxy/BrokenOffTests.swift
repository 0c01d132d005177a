import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("behind HAProxy: what is broken off") struct BrokenOffTests {
        /// HAProxy over plain HTTP before one node of this machine.
        private static func run(_ body: (LoadBalancer, FakeNode, Network) async throws -> Void) async throws {
            let network = Network()
            let host = try await network.host("l", 40)
            let (balancer, node) = (try LoadBalancer(on: host), try await FakeNode(on: host))
            do {
                try await balancer.change(["--init", "--http-only", "--node", "web-1=127.0.0.1:8756"])
                try await balancer.start()
                try await balancer.until("web-1", is: "UP", within: 60)
                try await body(balancer, node, network)
            } catch {
                let log = await balancer.log()
                await balancer.remove()
                await node.stop()
                await network.remove()
                throw LabError("\(error)\n--- HAProxy\n\(log)")
            }
            await balancer.remove()
            await node.stop()
            await network.remove()
        }

        @Test(
            "what a node has read and not answered comes a second time where it changes nothing, and else never",
            .timeLimit(limit))
        func again() async throws {
            try await Self.run { balancer, node, _ in
                let client = try WebClient(on: balancer.host, base: "http://knocknoc.test:80", address: "127.0.0.1")
                for backend in ["knocknoc_pages", "knocknoc_waiting"] {
                    if backend == "knocknoc_waiting" {
                        node.loseDatabase()
                        try await balancer.until("web-1", is: "DOWN", within: 60)
                    }
                    let before = try await balancer.status(of: "web-1", "stot", in: backend)
                    for method in ["GET", "OPTIONS"] {
                        let answer = try await client.send(method, "/\(backend)")
                        #expect(answer.status == 200 && answer.json["status"].string == "ok", "\(method) \(answer)")
                        #expect(node.arrivals(method, "/\(backend)") == 2, "\(backend) \(method)")
                    }
                    for method in ["POST", "PUT", "PATCH", "DELETE"] {
                        let answer = try await client.send(method, "/\(backend)", body: "{}")
                        #expect(answer.status == 502, "\(backend) \(method) \(answer)")
                        #expect(node.arrivals(method, "/\(backend)") == 1, "\(backend) \(method)")
                    }
                    #expect(try await balancer.status(of: "web-1", "stot", in: backend) != before, "\(backend)")
                }
            }
        }

        @Test(
            "a change that HAProxy accepts and cannot begin with is undone: file, certificates and worker as before",
            .timeLimit(limit))
        func undone() async throws {
            try await Self.run { balancer, _, network in
                let other = try await network.host("o", 12)
                let known = try await Impostor(on: other, port: 8756)
                try await balancer.change(["--node", "web-2=\(other.ipv4):8756"])
                let (made, pin) = (try balancer.text(), balancer.pin("web-2"))
                #expect(pin != nil)
                await known.stop()
                // Two certificates to keep, and a port that our part listens at once it has peers.
                let next = try await Impostor(on: other, port: 8756)
                let third = try await Impostor(on: other, port: 8757)
                let holder = try balancer.host.start([
                    "python3", "-u", "-c",
                    "import socket; s = socket.create_server(('', 10000)); print('held'); s.accept()",
                ])
                _ = try await holder.line { $0 == "held" }
                let peers = ["--peer", "lb-1=\(balancer.host.ipv4):10000", "--peer", "lb-2=\(other.ipv4):10000"]
                let accepted = try await balancer.knocker(["--check"] + peers)
                #expect(accepted.status == 0 && accepted.text.contains("with this change"), "\(accepted)")
                let change =
                    peers + [
                        "--remove-node", "web-2", "--node", "web-2=\(other.ipv4):8756", "--node",
                        "web-3=\(other.ipv4):8757",
                    ]
                let refused = try await balancer.knocker(change)
                #expect(refused.status == 1 && refused.errors.contains("no new HAProxy answers"), "\(refused)")
                #expect(try balancer.text() == made)
                #expect(balancer.pin("web-2") == pin && balancer.pin("web-3") == nil)
                // The worker, too, knows the nodes that it knew, by the certificates that it knew.
                try await balancer.until("web-1", is: "UP", within: 60)
                try await next.untilRefused()
                #expect(try await balancer.status(of: "web-3") == "" && next.requests == 1)
                let client = try WebClient(on: balancer.host, base: "http://knocknoc.test:80", address: "127.0.0.1")
                #expect(try await client.get("/served").status == 200)
                // With the port free the same change is made.
                await holder.stop(SIGKILL)
                try await balancer.change(change)
                #expect(try balancer.text() != made && balancer.pin("web-3") != nil && balancer.pin("web-2") != pin)
                for node in [next, third] { await node.stop() }
            }
        }
    }
}
