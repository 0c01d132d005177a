/// Hosts on one wire: network namespaces on a bridge that is in a namespace of its own.
public actor Network {
    private let name: String
    private var hosts: [Host] = []
    private var bridging: Task<Void, any Error>?

    public init() {
        name = Lab.prefix + String(UInt32.random(in: 0x1000...0xffff), radix: 16)
    }

    private var bridge: String { name + "w" }

    /// A new host with 10.77.0.N and fd77::N.
    public func host(_ label: String, _ number: Int) async throws -> Host {
        let host = try await socket(label, number)
        try await plug(host)
        // No address comes later than the others: a browser takes that for another network, and gives up what it loads.
        try await host.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad"])
        try await Shell.check(
            ["ip", "-n", host.namespace, "-batch", "-"],
            input: """
                link set lo up
                addr add \(host.ipv4)/24 dev eth0
                addr add \(host.ipv6)/64 dev eth0 nodad
                link set eth0 up

                """)
        return host
    }

    /// A place on the wire for a host that brings its own network up; ``plug(_:)`` makes it.
    func socket(_ label: String, _ number: Int) async throws -> Host {
        let bridging =
            bridging
            ?? Task { [bridge] in
                try await Shell.check(["ip", "netns", "add", bridge])
                try await Shell.check(["ip", "-n", bridge, "link", "add", "br0", "type", "bridge"])
                try await Shell.check(["ip", "-n", bridge, "link", "set", "br0", "up"])
            }
        self.bridging = bridging
        try await bridging.value
        let host = Host(namespace: name + label, ipv4: "10.77.0.\(number)", ipv6: "fd77::\(number)")
        hosts.append(host)
        return host
    }

    /// A kernel's network as it is after power comes on: an interface without an address, and no rules.
    func plug(_ host: Host) async throws {
        let port = port(of: host)
        try await Shell.check(["ip", "netns", "add", host.namespace])
        // A machine's own for ever: the neighbours of one that comes back would wait seconds for another.
        let ethernet = "02:77:00:00:00:" + String(0x100 + (Int(port.dropFirst()) ?? 0), radix: 16).dropFirst()
        try await Shell.check(
            [
                "ip", "link", "add", "eth0", "address", ethernet, "netns", host.namespace, "type", "veth", "peer",
                "name", port, "netns", bridge,
            ])
        try await Shell.check(
            ["ip", "-n", bridge, "-batch", "-"], input: "link set \(port) master br0\nlink set \(port) up\n")
    }

    /// Takes all of it away, as a power cut does.
    func unplug(_ host: Host) async throws {
        // The kernel removes a namespace's interfaces later; a new one must not find the name taken.
        _ = try await Shell.run(["ip", "-n", bridge, "link", "del", port(of: host)])
        _ = try await Shell.run(["ip", "netns", "del", host.namespace])
    }

    /// Cuts a host off behind the switch, whatever it does itself and without a sign to it; or joins it again.
    func reach(_ host: Host, _ joined: Bool) async throws {
        let wire = joined ? ["master", "br0"] : ["nomaster"]
        try await Shell.check(["ip", "-n", bridge, "link", "set", port(of: host)] + wire)
    }

    private func port(of host: Host) -> String { "p" + (host.ipv4.split(separator: ".").last ?? "") }

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
