import KnocknocModel
import KnocknocSystem

/// The line that web nodes need so that they believe what this load balancer says of its clients.
enum TrustedForwarders {
    static func line(for plan: LoadBalancerPlan) -> String {
        line(plan, sources: plan.nodes.map { ThisMachine.source(toward: $0.endpoint) })
    }

    /// - Parameter sources: the addresses that the nodes see us come from, where they are known.
    static func line(_ plan: LoadBalancerPlan, sources: [IPAddress?]) -> String {
        // The other HAProxy machines reach the nodes too, from where they reach us.
        let found = sources.compactMap { $0 } + plan.peers.compactMap(\.endpoint.address)
        var networks: [String] = []
        for address in found {
            let network = "\(CIDR(address))"
            if !networks.contains(network) { networks.append(network) }
        }
        return "TrustedForwarders = " + (networks.isEmpty ? "this machine's address" : networks.joined(separator: ", "))
    }
}
