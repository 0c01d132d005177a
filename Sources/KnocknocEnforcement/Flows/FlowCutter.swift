import KnocknocModel

/// Ends and finds established flows.
protocol FlowCutting: AnyObject {
    /// - Parameters:
    ///   - pause: called between the steps, each of which may take long.
    ///   - drop: puts flows into the sets whose packets are dropped, before anything else is done to them.
    /// - Throws: ``EnforcementError`` of the first step that failed; the others have been done.
    func cut(
        _ cuts: [Cut], pause: () -> Void, drop: (Set<FlowKey>) throws(EnforcementError) -> Void
    ) throws(EnforcementError)

    /// Flows of `protocol` to a port that `wanted` says yes to, each once.
    func flows(
        _ protocol: TransportProtocol, where wanted: @escaping (Flow) -> Bool
    ) throws(EnforcementError) -> [Flow]
}

/// Ends established flows: no packet of them passes our hooks any more, this host's sockets are destroyed, and
/// connection tracking forgets them.
final class FlowCutter: FlowCutting {
    private var openConntrack: ConntrackTable?
    private var openSockets: SocketTable?

    func cut(
        _ cuts: [Cut], pause: () -> Void, drop: (Set<FlowKey>) throws(EnforcementError) -> Void
    ) throws(EnforcementError) {
        guard !cuts.isEmpty else { return }
        let bySource = Dictionary(grouping: cuts, by: \.source)
        let full = bySource.filter { $0.value.contains { !$0.socketsOnly } }
        let covered = { (flow: Flow) in bySource[flow.client]?.contains { $0.covers(flow) } ?? false }
        let tracked = { (flow: Flow) in
            full[flow.client]?.contains { !$0.socketsOnly && $0.covers(flow) } ?? false
        }
        let protocols = Set(cuts.map(\.protocol))
        var failure: EnforcementError?
        var entries: [ConntrackTable.Found] = []
        var keys: Set<FlowKey> = []
        if !full.isEmpty {
            attempt(&failure) { () throws(EnforcementError) in entries = try conntrack().find(where: tracked) }
            for found in entries { keys.formUnion(found.flow.keys) }
            attempt(&failure) { () throws(EnforcementError) in
                try sockets().flows(protocols, where: tracked) { keys.formUnion($0.keys) }
            }
            pause()
            if !keys.isEmpty { attempt(&failure) { () throws(EnforcementError) in try drop(keys) } }
        }
        // A flow redirected to another local port has a socket that only conntrack leads to.
        attempt(&failure) { () throws(EnforcementError) in
            try sockets().destroy(protocols) { covered($0) || !keys.isDisjoint(with: $0.keys) }
        }
        pause()
        if !entries.isEmpty {
            attempt(&failure) { () throws(EnforcementError) in try conntrack().forget(entries) }
        }
        guard let failure else { return }
        // A socket on which a request failed may still hold answers to it.
        (openConntrack, openSockets) = (nil, nil)
        throw failure
    }

    func flows(
        _ protocol: TransportProtocol, where wanted: @escaping (Flow) -> Bool
    ) throws(EnforcementError) -> [Flow] {
        var all = try conntrack().find(where: wanted).map(\.flow)
        try sockets().flows([`protocol`], where: wanted) { all.append($0) }
        var seen: [FlowKey: Flow] = [:]
        for flow in all where flow.protocol == `protocol` && flow.established {
            let key = FlowKey(
                source: flow.client, protocol: flow.protocol, sourcePort: flow.clientPort, port: flow.port)
            seen[key] = flow
        }
        return Array(seen.values)
    }

    private func attempt(_ failure: inout EnforcementError?, _ step: () throws(EnforcementError) -> Void) {
        do throws(EnforcementError) { try step() } catch { failure = failure ?? error }
    }

    private func conntrack() throws(EnforcementError) -> ConntrackTable {
        if let openConntrack { return openConntrack }
        let table = try ConntrackTable()
        openConntrack = table
        return table
    }

    private func sockets() throws(EnforcementError) -> SocketTable {
        if let openSockets { return openSockets }
        let table = try SocketTable()
        openSockets = table
        return table
    }
}
