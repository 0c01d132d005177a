import KnocknocModel

/// Ends and finds established flows. A search walks over all flows of the kernel, so nobody waits for it but who asked.
protocol FlowCutting: Sendable {
    /// Looks for what is to be cut.
    func find(_ cuts: [Cut], in place: FlowSearch) async -> FoundFlows

    /// Destroys this host's sockets of these flows and lets connection tracking forget them.
    ///
    /// - Throws: ``EnforcementError`` of the first step that failed; the others have been done.
    func end(_ found: FoundFlows) async throws(EnforcementError)

    /// Flows of `protocol` to a port that `wanted` says yes to, each once.
    func flows(
        _ protocol: TransportProtocol, where wanted: @escaping @Sendable (Flow) -> Bool
    ) async throws(EnforcementError) -> [Flow]

    /// What the kernel cannot do, in words for the administrator.
    func limitation() async -> String?
}

/// Where flows are looked for.
enum FlowSearch: Sendable {
    /// Among this host's sockets, which takes about a millisecond.
    case sockets
    /// In connection tracking too, which takes ten times as long, and then among the sockets that it leads to.
    case everywhere
}

/// Flows that are to be cut, as they were found.
struct FoundFlows: Sendable {
    var tracked: [ConntrackTable.Found] = []
    var sockets: [SocketTable.Found] = []
    /// What could not be looked at; the others have been.
    var failure: EnforcementError?

    /// The forms in which packets of these flows pass our hooks.
    var keys: Set<FlowKey> { (tracked.map(\.flow) + sockets.map(\.flow)).reduce(into: []) { $0.formUnion($1.keys) } }

    /// Keeps what these cuts cover.
    mutating func keep(_ cuts: [Cut]) {
        let bySource = Dictionary(grouping: cuts, by: \.source)
        let lengths = Set(cuts.map(\.source.length))
        // Networks are few sizes: each flow is looked for in those that it could be of.
        func candidates(_ flow: Flow) -> [Cut] {
            lengths.flatMap { CIDR(containing: flow.client, length: $0).flatMap { bySource[$0] } ?? [] }
        }
        tracked.removeAll { found in
            !candidates(found.flow).contains { !$0.socketsOnly && $0.covers(found.flow) }
        }
        // A flow redirected to another local port has a socket that only connection tracking leads to.
        let led = Set(tracked.flatMap(\.flow.keys))
        sockets.removeAll { found in
            let covered = candidates(found.flow).contains { $0.covers(found.flow) }
            return !covered && led.isDisjoint(with: found.flow.keys)
        }
    }
}

/// The kernel's own tables, searched on a thread of their own.
actor FlowCutter: FlowCutting {
    private nonisolated let thread: KernelThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private var openConntrack: ConntrackTable?
    private var openSockets: SocketTable?

    /// - Parameter networkNamespace: nil for this process's.
    init(networkNamespace: String?) throws(EnforcementError) {
        thread = try KernelThread("flows", networkNamespace: networkNamespace)
    }

    deinit { thread.stop() }

    func find(_ cuts: [Cut], in place: FlowSearch) -> FoundFlows {
        var found = FoundFlows()
        let protocols = Set(cuts.map(\.protocol))
        let traced = Set(cuts.filter { !$0.socketsOnly }.map(\.source))
        if place == .everywhere, !traced.isEmpty {
            attempt(&found.failure) { () throws(EnforcementError) in
                found.tracked = try conntrack().find(of: traced) { protocols.contains($0.protocol) }
            }
        }
        attempt(&found.failure) { () throws(EnforcementError) in
            let (sockets, failure) = try sockets().find(protocols, of: Set(cuts.map(\.source)))
            found.sockets = sockets
            if let failure { throw failure }
        }
        if found.failure != nil { reopen() }
        found.keep(cuts)
        return found
    }

    func end(_ found: FoundFlows) throws(EnforcementError) {
        var failure: EnforcementError?
        attempt(&failure) { () throws(EnforcementError) in try sockets().destroy(found.sockets) }
        if !found.tracked.isEmpty {
            attempt(&failure) { () throws(EnforcementError) in try conntrack().forget(found.tracked) }
        }
        guard let failure else { return }
        reopen()
        throw failure
    }

    func flows(
        _ protocol: TransportProtocol, where wanted: @escaping @Sendable (Flow) -> Bool
    ) throws(EnforcementError) -> [Flow] {
        var all = try conntrack().find(of: nil, where: wanted).map(\.flow)
        let (found, failure) = try sockets().find([`protocol`], of: nil)
        if let failure { throw failure }
        all += found.map(\.flow).filter(wanted)
        var seen: [FlowKey: Flow] = [:]
        for flow in all where flow.protocol == `protocol` && flow.established {
            let key = FlowKey(
                source: flow.client, protocol: flow.protocol, sourcePort: flow.clientPort, port: flow.port)
            seen[key] = flow
        }
        return Array(seen.values)
    }

    func limitation() -> String? {
        guard let table = try? sockets(), !table.canDestroy else { return nil }
        return "this kernel cannot end sockets (CONFIG_INET_DIAG_DESTROY): a flow that is cut dies by its own timeout"
    }

    private func attempt(_ failure: inout EnforcementError?, _ step: () throws(EnforcementError) -> Void) {
        do throws(EnforcementError) { try step() } catch { failure = failure ?? error }
    }

    /// A socket on which a request failed may still hold answers to it.
    private func reopen() { (openConntrack, openSockets) = (nil, nil) }

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
