/// Hosts on one wire: network namespaces on a bridge that is in a namespace of its own.
public actor Network {
    private let name: String
    private var hosts: [Host] = []
    private var bridged = false

    public init() {
        name = Lab.prefix + String(UInt32.random(in: 0x1000...0xffff), radix: 16)
    }

    private var bridge: String { name + "w" }

    /// A new host with 10.77.0.N and fd77::N.
    public func host(_ label: String, _ number: Int) async throws -> Host {
        if !bridged {
            bridged = true
            try await Shell.check(["ip", "netns", "add", bridge])
            try await Shell.check(["ip", "-n", bridge, "link", "add", "br0", "type", "bridge"])
            try await Shell.check(["ip", "-n", bridge, "link", "set", "br0", "up"])
        }
        let host = Host(namespace: name + label, ipv4: "10.77.0.\(number)", ipv6: "fd77::\(number)")
        hosts.append(host)
        let inside = host.namespace
        try await Shell.check(["ip", "netns", "add", inside])
        try await Shell.check(
            [
                "ip", "link", "add", "eth0", "netns", inside, "type", "veth", "peer", "name", "p\(number)", "netns",
                bridge,
            ])
        try await Shell.check(
            ["ip", "-n", bridge, "-batch", "-"],
            input: "link set p\(number) master br0\nlink set p\(number) up\n")
        try await Shell.check(
            ["ip", "-n", inside, "-batch", "-"],
            input: """
                link set lo up
                addr add \(host.ipv4)/24 dev eth0
                addr add \(host.ipv6)/64 dev eth0 nodad
                link set eth0 up

                """)
        return host
    }

    /// Ends what still runs on the hosts, and removes them.
    public func remove() async {
        for name in hosts.map(\.namespace) + [bridge] {
            if let pids = try? await Shell.run(["ip", "netns", "pids", name]) {
                for pid in pids.text.split(separator: "\n") {
                    _ = try? await Shell.run(["kill", "-KILL", String(pid)])
                }
            }
            _ = try? await Shell.run(["ip", "netns", "del", name])
        }
        hosts = []
    }
}
