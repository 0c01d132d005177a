import FoundationEssentials
import Glibc
import KnocknocAccess
import KnocknocModel
import KnocknocServer
import KnocknocStore
import Logging
import ServiceLifecycle

/// The all-in-one's own agent: told who it is once the server is ready, and ended with the server.
struct EmbeddedAgent: Service {
    let supervisor: Supervisor
    let server: Server
    /// Whether this process could change the firewall, which its child then can.
    let mayChangeFirewall: Bool
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await supervise() }
        } catch is CancellationError {}
        close(supervisor.pipe)
        // The agent needs a moment to write its state; guards and members stay in the kernel.
        for _ in 0..<100 where !supervisor.hasEnded() { try? await Task.sleep(for: .milliseconds(20)) }
        if !supervisor.hasEnded() { kill(supervisor.pid, SIGTERM) }
    }

    private func supervise() async throws {
        guard let port = await server.boundPort(), await server.waitUntilReady() else { return }
        let agent = try await introduced()
        supervisor.begin(environment(port: port), token: agent.token)
        if server.settings.sample {
            do {
                try await Sample.make(server, agent: agent.id, url: server.publicURL(port: port))
            } catch {
                logger.error("the sample could not be made", metadata: ["error": "\(error)"])
            }
        }
        while true {
            try await Task.sleep(for: .seconds(1))
            if supervisor.hasEnded() {
                throw ServerError(
                    .agent, "the embedded agent's supervisor has ended; stopping, so that both start anew")
            }
        }
    }

    /// The agent's row with a token for this run; a database that is away for a moment is waited for.
    private func introduced() async throws -> (id: AgentID, token: String) {
        while true {
            do {
                return try await server.access.embeddedAgent(named: "local")
            } catch let error as StoreError {
                logger.warning("the own agent cannot be started yet", metadata: ["error": "\(error)"])
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// The administrator's ports, and those over which people come here: a guard there would lock everybody out.
    private func neverGuard(port: Int) -> String {
        let given = ProcessInfo.processInfo.environment["KNOCKNOC_AGENT_NEVER_GUARD"] ?? ""
        let site = server.settings.publicURL.map { $0.port ?? ($0.secure ? 443 : 80) }
        let own = [port, site].compactMap { $0 }
        return ([given] + Set(own).sorted().map(String.init)).filter { !$0.isEmpty }.joined(separator: ",")
    }

    private func environment(port: Int) -> [(String, String)] {
        let settings = server.settings
        let dryRun = settings.agentBackend == .dryRun || !mayChangeFirewall
        var result = [
            ("KNOCKNOC_AGENT_SERVER_URL", server.localURL(port: port)),
            ("KNOCKNOC_AGENT_TOKEN_FILE", "/dev/fd/3"),
            ("KNOCKNOC_AGENT_STATE_FILE", settings.dataDirectory + "/agent/state.json"),
            ("KNOCKNOC_AGENT_NAME", "local"),
            ("KNOCKNOC_AGENT_BACKEND", dryRun ? "dry-run" : "nftables"),
            ("KNOCKNOC_AGENT_LOG_LEVEL", settings.logLevel.rawValue),
            ("KNOCKNOC_AGENT_NEVER_GUARD", neverGuard(port: port)),
            // Two sites on one machine do not share the agents' usual port.
            ("KNOCKNOC_AGENT_HEALTH_LISTEN", port == 8756 ? "127.0.0.1:8757" : "none"),
        ]
        if let fingerprint = server.fingerprint { result.append(("KNOCKNOC_AGENT_TLS_FINGERPRINT", fingerprint)) }
        if settings.tls == .none, !server.isLocalURLLoopback {
            // Our own address: the packets do not leave this machine.
            result.append(("KNOCKNOC_AGENT_INSECURE_HTTP", "true"))
        }
        return result
    }
}
