import KnocknocCertificates
import KnocknocModel
import KnocknocSystem

/// The server as this machine runs it.
struct NodeService: Sendable {
    /// The packaged unit, where systemd runs this machine and has it.
    struct Found: Sendable {
        let unit: SystemdUnit
    }

    let layout: InstallLayout
    let listen: ListenAddress
    let configuration: ConfigurationText

    static func find(_ isMachine: Bool) async throws -> Found? {
        let unit = SystemdUnit(InstallLayout.unit)
        guard isMachine, SystemdUnit.isHere, try await unit.isKnown() else { return nil }
        return Found(unit: unit)
    }

    /// The certificate that the server shows; nil where it speaks plain HTTP.
    var certificate: String? {
        if let file = configuration["TLSCertificate"] { return file }
        return isSelfSigned ? (configuration["DataDir"] ?? layout.data) + "/tls-cert.pem" : nil
    }

    private var isSelfSigned: Bool {
        ["true", "yes", "on", "1"].contains(configuration["TLSSelfSigned"]?.lowercased() ?? "")
    }

    /// Where people find this node.
    var portal: String {
        if let url = configuration["PublicURL"].flatMap(WebOrigin.init) { return url.description }
        var host = listen.host
        if let address = IPAddress(host), address.isUnspecified {
            host = OwnAddresses.outward()?.description ?? (address.family == .v4 ? "127.0.0.1" : "::1")
        }
        return WebOrigin(secure: certificate != nil, host: host, port: listen.port).description
    }

    /// - Returns: nil where the server has not made its certificate yet, or uses another.
    func fingerprint() throws -> String? {
        guard isSelfSigned, let certificate, let pem = try SystemFile(certificate).text() else { return nil }
        return try SelfSignedCertificate.fingerprint(ofPEM: pem)
    }

    /// What the running server says; nil where it does not run, or is not well.
    func health(_ unit: SystemdUnit) async -> HealthCheck.Answer? {
        guard let isActive = try? await unit.isActive(), isActive else { return nil }
        guard let answer = try? await HealthCheck.ask(listen, certificate: certificate) else { return nil }
        return answer.isHealthy ? answer : nil
    }

    /// Starts the unit, with the machine too from now on, and waits until the server says that it is well.
    func start(_ unit: SystemdUnit, _ steps: inout Undoing) async throws -> HealthCheck.Answer {
        let (wasActive, wasEnabled) = (try await unit.isActive(), try await unit.isEnabled())
        return try await steps.step("Starting \(unit.name)") {
            if !wasEnabled { try await unit.enable() }
            if wasActive { try await unit.restart() } else { try await unit.start() }
            return try await healthy(unit)
        } undo: {
            if !wasActive { try await unit.stop() }
            if !wasEnabled { try await unit.disable() }
        }
    }

    private func healthy(_ unit: SystemdUnit) async throws -> HealthCheck.Answer {
        let deadline = ContinuousClock.now + .seconds(60)
        var last = "it has not answered yet"
        while ContinuousClock.now < deadline {
            try Interruption.check()
            do throws(SystemError) {
                let answer = try await HealthCheck.ask(listen, certificate: certificate)
                if answer.isHealthy { return answer }
                last = "/health says \(answer.status): \(answer.body)"
            } catch {
                last = error.message
            }
            let hasFailed = try await unit.hasFailed()
            if hasFailed { break }
            try await Task.sleep(for: .milliseconds(250))
        }
        let journal = try await unit.journal(lines: 8)
        throw SystemError(.failed, "\(unit.name) does not become healthy: \(last)\(journal)")
    }
}
