import KnocknocModel

/// Ends established flows: no packet of them passes our hooks any more, this host's sockets are destroyed, and
/// connection tracking forgets them.
final class FlowCutter {
    private let conntrack: ConntrackTable
    private let sockets: SocketTable

    init() throws(EnforcementError) {
        conntrack = try ConntrackTable()
        sockets = try SocketTable()
    }

    /// - Parameter drop: puts flows into the sets whose packets are dropped, before anything else is done to them.
    func cut(
        _ cuts: [Cut], drop: (Set<FlowKey>) throws(EnforcementError) -> Void
    ) throws(EnforcementError) {
        guard !cuts.isEmpty else { return }
        let bySource = Dictionary(grouping: cuts, by: \.source)
        let full = bySource.filter { $0.value.contains { !$0.socketsOnly } }
        let covered = { (flow: Flow) in bySource[flow.client]?.contains { $0.covers(flow) } ?? false }
        let tracked = { (flow: Flow) in
            full[flow.client]?.contains { !$0.socketsOnly && $0.covers(flow) } ?? false
        }
        let protocols = Set(cuts.map(\.protocol))
        var keys: Set<FlowKey> = []
        if !full.isEmpty {
            for flow in try conntrack.flows(where: tracked) { keys.formUnion(flow.keys) }
            for flow in try sockets.flows(protocols, where: tracked) { keys.formUnion(flow.keys) }
            if !keys.isEmpty { try drop(keys) }
        }
        // A flow redirected to another local port has a socket that only conntrack leads to.
        try sockets.destroy(protocols) { covered($0) || !keys.isDisjoint(with: $0.keys) }
        if !full.isEmpty { try conntrack.forget(tracked) }
    }

    /// Flows of `protocol` to a port that `wanted` says yes to, each once.
    func flows(
        _ protocol: TransportProtocol, where wanted: @escaping (Flow) -> Bool
    ) throws(EnforcementError) -> [Flow] {
        var seen: [FlowKey: Flow] = [:]
        for flow in try conntrack.flows(where: wanted) + sockets.flows([`protocol`], where: wanted)
        where flow.protocol == `protocol` && flow.established {
            let key = FlowKey(
                source: flow.client, protocol: flow.protocol, sourcePort: flow.clientPort, port: flow.port)
            seen[key] = flow
        }
        return Array(seen.values)
    }
}
