import Lab

/// Two nodes behind HAProxy machines that `knocker haproxy` has made.
struct BalancedSite {
    let site: Site
    let balancer: LoadBalancer
    let group: String
    let knoc: String

    /// The names of the two nodes at the load balancer, in the order of the site's.
    static let names = ["web-1", "web-2"]

    var nodes: [String] { zip(Self.names, site.nodes).map { "\($0)=\($1.host.ipv4):8756" } }

    static func run(_ body: (BalancedSite) async throws -> Void) async throws {
        try await Site.run(
            .twoNodes,
            environment: [
                "KNOCKNOC_PUBLIC_URL": "https://knocknoc.test",
                "KNOCKNOC_TRUSTED_FORWARDERS": "10.77.0.40/32, 10.77.0.41/32",
            ]
        ) { site in
            let balancer = try LoadBalancer(on: try await site.another("l", 40))
            do {
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let balanced = BalancedSite(site: site, balancer: balancer, group: group, knoc: knoc)
                try await balancer.change(["--init"] + balanced.nodes.flatMap { ["--node", $0] })
                try await balancer.start()
                try await body(balanced)
                await balancer.remove()
            } catch {
                let log = await balancer.log()
                await balancer.remove()
                throw LabError("\(error)\n--- HAProxy\n\(log)")
            }
        }
    }

    /// How many requests for a path each node has answered so far.
    func requests(_ path: String) async -> [Int] {
        var counts: [Int] = []
        for node in site.nodes {
            let log = await node.log(.max)
            counts.append(
                log.split(separator: "\n").count { $0.contains("path=\(path) ") && $0.contains("status=200") })
        }
        return counts
    }

    /// Somebody signed in through the load balancer.
    func signedIn(_ name: String = "alice", on host: Host? = nil, at balancer: LoadBalancer? = nil) async throws
        -> WebClient
    {
        let client = try (balancer ?? self.balancer).client(on: host ?? site.alice)
        let answer = try await client.signIn(name, Site.password)
        guard answer.status == 200 else { throw LabError("\(name) cannot sign in: \(answer)") }
        return client
    }

    /// The number of the node that a browser's cookie names.
    func node(of client: WebClient) async throws -> Int {
        let cookie = await client.cookies()["__Host-knocknoc-node"]
        guard let cookie, let index = Self.names.firstIndex(of: cookie) else {
            throw LabError("no node in the cookies: \(await client.cookies())")
        }
        return index
    }
}
