import Lab

extension Machine {
    /// What the installer has printed at its end.
    struct SetUp {
        /// SHA-256 of the certificate that was made.
        var fingerprint: String
        /// Makes the first administrator; nil on a site that has one.
        var code: String?

        init(_ text: String) throws {
            func after(_ mark: String) -> String? {
                guard let found = text.firstRange(of: mark) else { return nil }
                return String(text[found.upperBound...].prefix { !$0.isWhitespace })
            }
            guard let print = after("TLS certificate SHA-256: ") else {
                throw LabError("the installer told no fingerprint:\n\(text)")
            }
            fingerprint = print
            code = after("/admin/setup#")
        }
    }

    /// Answers the installer in front of a terminal, question by question.
    func setUp(_ answers: [(question: String, answer: String)]) async throws -> SetUp {
        let terminal = try terminal(["knocknoc-setup"])
        return try await answer(answers, on: terminal)
    }

    /// The rest of the answers, to the end.
    func answer(_ answers: [(question: String, answer: String)], on terminal: Terminal) async throws -> SetUp {
        for (question, answer) in answers {
            try await terminal.expect(question, within: .seconds(60))
            try await terminal.expect("): ", within: .seconds(60))
            terminal.type(answer)
        }
        guard try await terminal.exit(within: .seconds(240)) == 0 else {
            throw LabError("knocknoc-setup failed:\n\(terminal.transcript)")
        }
        return try SetUp(terminal.transcript)
    }

    /// What the node answers at `/health`; null where nothing does.
    func health() async throws -> JSON {
        let answer = try await attempt([
            "curl", "-sk", "--max-time", "10", "https://127.0.0.1:\(SingleNode.port)/health",
        ])
        return (try? JSON(parsing: answer.output)) ?? .null
    }

    /// Waits until the node says itself that it can serve.
    func untilHealthy(within limit: Double = 60) async throws {
        let end = Clock.now + limit
        var seen = ""
        while Clock.now < end {
            let answer = try await health()
            if answer["status"].string == "ok" { return }
            seen = "\(answer)"
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LabError("\(name) is not healthy: \(seen)\n\(await journal(60, unit: "knocknoc.service"))")
    }

    /// Waits until the node says itself that it cannot serve.
    func untilUnhealthy(within limit: Double = 60) async throws {
        let end = Clock.now + limit
        while Clock.now < end {
            if let status = try await health()["status"].string, status != "ok" { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LabError("\(name) says still that it is healthy")
    }

    /// Writes what a new agent's page in the administration shows, and starts the agent.
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
