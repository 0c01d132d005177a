import Lab

extension SingleNode {
    /// Somebody with a browser at the node itself.
    func browser(on host: Host) throws -> WebClient {
        try WebClient(on: host, base: "https://web1:\(Self.port)", address: web.ipv4)
    }

    /// A service on the gate behind a Knoc that opens at Alice's sign-in.
    func protect(_ knoc: String, port: Int) async throws -> Probe {
        let service = try await Probe.service(on: gate.host, port: port)
        try await make(knoc: knoc, groups: [try await staff()], backend: Self.guarding(port), on: "sign_in")
        try await untilTargetsApplied(knoc)
        return service
    }

    /// A Knoc for everybody that opens by a click.
    ///
    /// - Returns: its id.
    func protect(early knoc: String, port: Int, seconds: Int) async throws -> String {
        let id = try await make(
            knoc: knoc, groups: [try await staff()], backend: Self.guarding(port), seconds: seconds)
        try await untilTargetsApplied(knoc)
        return id
    }

    /// The group that Alice is in, whichever scenario needs it first.
    private func staff() async throws -> String {
        let groups = try await admin.expect(200, "GET", "/api/v1/admin/groups")["items"].items
        if let id = groups.first(where: { $0["name"].string == "staff" })?["id"].string { return id }
        let made = try await make(group: "staff")
        try await make(user: "alice", groups: [made])
        return made
    }

    static func guarding(_ port: Int) -> JSON {
        ["type": "nftables", "guard": ["protocol": "tcp", "ports": [.number(Double(port))], "trial_seconds": 0]]
    }

    /// Waits until the agent has written down that this address is let in.
    func untilRemembered(_ address: String, within limit: Double = 60) async throws {
        let end = Clock.now + limit
        while Clock.now < end {
            if try await gate.read("/var/lib/knocknoc-agent/state.json").contains("\"\(address)\"") { return }
            try await Task.sleep(for: .milliseconds(30))
        }
        throw LabError("the agent never wrote down \(address)")
    }
}

extension Machine {
    /// A service that listens before the network is up, and accepts for ever.
    func listenEarly(on port: Int) async throws {
        try await write(
            """
            [Unit]
            DefaultDependencies=no
            Before=network-pre.target
            Wants=network-pre.target
            [Socket]
            ListenStream=\(port)
            TriggerLimitIntervalSec=0
            [Install]
            WantedBy=sysinit.target

            """, to: "/etc/systemd/system/early.socket")
        try await write(
            """
            [Unit]
            DefaultDependencies=no
            [Service]
            ExecStart=/usr/bin/python3 -c "import socket\\nlistening = socket.socket(fileno=3)\\nwhile True: listening.accept()[0].close()"

            """, to: "/etc/systemd/system/early.service")
        try await run(["systemctl", "daemon-reload"])
        try await run(["systemctl", "enable", "-q", "--now", "early.socket"])
    }

    /// When, in this boot, the guard was loaded, the early service listened, and the first interface was touched:
    /// microseconds on the machine's monotonic clock.
    func bootOrder() async throws -> (guarded: Int, listening: Int, network: Int) {
        func stamp(_ unit: String, _ property: String) async throws -> Int {
            let text = try await run(["systemctl", "show", "-P", property, unit]).line
            guard let value = Int(text), value > 0 else {
                throw LabError("\(unit) has no \(property): \(text)")
            }
            return value
        }
        return (
            try await stamp("knocknoc-guard.service", "ActiveEnterTimestampMonotonic"),
            try await stamp("early.socket", "ActiveEnterTimestampMonotonic"),
            try await stamp("systemd-networkd.service", "ExecMainStartTimestampMonotonic")
        )
    }
}
