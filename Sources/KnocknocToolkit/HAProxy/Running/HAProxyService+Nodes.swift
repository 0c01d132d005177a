import KnocknocHAProxy
import KnocknocSystem

extension HAProxySocket {
    /// - Throws: ``SystemError``; nobody may be listening.
    func nodes() throws(SystemError) -> [NodeStatus] {
        NodeStatus.parse(try ask("show stat")).filter { [HAProxyPart.pages, HAProxyPart.links].contains($0.backend) }
    }
}

extension HAProxyService {
    /// How nodes are doing once each has been looked at, or after three seconds.
    func nodes() async throws -> [NodeStatus] {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(3)
        while true {
            let nodes = try socket.nodes()
            let isKnown = nodes.allSatisfy { !$0.check.isEmpty && $0.check != "INI" }
            if isKnown || clock.now > end { return nodes }
            try await clock.sleep(for: .milliseconds(50))
        }
    }

    /// Writes what a new worker starts from.
    ///
    /// - Parameter onlyDrained: only what somebody has decided; else also what health checks know at this moment.
    func saveStates(_ layout: HAProxyLayout, onlyDrained: Bool) throws(SystemError) {
        for backend in [HAProxyPart.pages, HAProxyPart.links] {
            var text = ServerStates.empty
            if let answer = try? socket.ask("show servers state \(backend)"), answer.hasPrefix("1\n") {
                let states = ServerStates(answer)
                text = onlyDrained ? states.drained : states.text
            }
            try SystemFile(layout.state(backend)).replace(with: text, keepingBackup: false)
        }
    }
}
