import Lab

/// What an administrator does who writes the settings by hand instead of answering the installer.
extension Machine {
    static let configuration = "/opt/knocknoc/etc/knocknoc.conf"
    /// The certificate that the server makes itself.
    static let certificate = "/var/lib/knocknoc/tls-cert.pem"

    /// Writes the settings and a key, and starts the service with them.
    func configureServer(_ lines: [String], key: String? = nil) async throws {
        let made = try await run(["knocknoc", "genkey"]).text
        try await write(key ?? made, to: "/opt/knocknoc/etc/encryption.key", mode: "600")
        try await write(
            lines.joined(separator: "\n") + "\n", to: Self.configuration, mode: "640", owner: "root:knocknoc")
        try await run(["systemctl", "enable", "-q", "knocknoc.service"])
        try await run(["systemctl", "restart", "knocknoc.service"])
    }

    /// Waits until the node says itself that it can serve.
    func untilHealthy(within limit: Double = 30) async throws {
        let end = Clock.now + limit
        var seen = ""
        while Clock.now < end {
            let answer = try await attempt([
                "curl", "-sk", "--max-time", "3", "https://127.0.0.1:\(SingleNode.port)/health",
            ])
            seen = answer.text
            if (try? JSON(parsing: answer.output))?["status"].string == "ok" { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LabError("\(name) is not healthy: \(seen)\n\(await journal(60, unit: "knocknoc.service"))")
    }

    /// SHA-256 of a certificate, as 64 hex digits with colons.
    func fingerprint(of file: String) async throws -> String {
        let text = try await run(["openssl", "x509", "-in", file, "-noout", "-fingerprint", "-sha256"]).line
        return text.split(separator: "=").last.map(String.init) ?? ""
    }

    func configureAgent(server: String, token: String, fingerprint: String) async throws {
        try await write(token + "\n", to: "/opt/knocknoc-agent/etc/token", mode: "600")
        try await write(
            """
            ServerURL = \(server)
            TokenFile = /opt/knocknoc-agent/etc/token
            TLSFingerprint = \(fingerprint)
            # The lab's computer may never have asked anybody for the time.
            TrustRTC = true

            """, to: "/opt/knocknoc-agent/etc/knocknoc.conf", mode: "600")
        try await run(["systemctl", "enable", "-q", "knocknoc-guard.service", "knocknoc-agent.service"])
        try await run(["systemctl", "restart", "knocknoc-agent.service"])
    }
}
