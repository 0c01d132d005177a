public import KnocknocModel
import Logging

extension NFTablesEnforcer {
    public func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        let local = LocalAddresses.read()
        let ports = Set(`guard`.ports)
        let (value, allow) = (`guard`, options.alwaysAllow)
        let affected = { @Sendable (flow: Flow) -> Bool in
            guard ports.contains(flow.port), flow.protocol == value.protocol else { return false }
            if !value.loopback, flow.client.isLoopback || local.contains(flow.client) { return false }
            if allow.contains(where: { $0.contains(flow.client) }) { return false }
            if !value.forward, !local.contains(flow.destination), !flow.destination.isLoopback { return false }
            return value.destinations.isEmpty || value.destinations.contains { $0.contains(flow.destination) }
        }
        do throws(EnforcementError) {
            let cutter = try kernel().cutter
            return Self.census(try await cutter.flows(value.protocol, where: affected))
        } catch {
            logger.warning("flows could not be counted", metadata: ["reason": "\(error.message)"])
            return FlowCensus(flows: 0, sources: [])
        }
    }

    /// Sources of SSH first, then those with the most flows.
    static func census(_ flows: [Flow]) -> FlowCensus {
        var counts: [IPAddress: (ssh: Bool, flows: Int)] = [:]
        for flow in flows {
            let old = counts[flow.client] ?? (false, 0)
            counts[flow.client] = (old.ssh || flow.port == 22, old.flows + 1)
        }
        let sources = counts.sorted { one, two in
            if one.value.ssh != two.value.ssh { return one.value.ssh }
            return (two.value.flows, one.key) < (one.value.flows, two.key)
        }
        return FlowCensus(flows: flows.count, sources: sources.prefix(10).map(\.key))
    }
}
