import KnocknocAccess
import KnocknocModel
import KnocknocServer

/// What `./dev run` shows a newcomer: a user, a group and a Knoc that guards a port of our own.
enum Sample {
    static func make(_ server: Server, agent: AgentID, url: String) async throws {
        let backend = Backend.nftablesGuard(
            NFTablesGuard(
                protocol: .tcp, ports: [UInt16(SampleService.port)], loopback: true, trialSeconds: 0))
        let password = try await server.access.createSample(agent: agent, backend: backend, url: SampleService.url)
        if let password {
            Exit.tell("Sample: sign in at \(url)/ as \"demo\" with the password \(password)")
        } else {
            let command = try KnockerCall.text("set-password demo --password-stdin", server.settings)
            let known = "its password was shown at the first start; a new one: \(command)"
            Exit.tell("Sample: sign in at \(url)/ as \"demo\"; \(known)")
        }
        Exit.tell(
            "Sample: \(SampleService.url) is closed; sign in and click \"Grant access\", and it opens for an hour")
    }
}
