import Foundation
import KnocknocAccess
import KnocknocModel
import KnocknocProtocol

/// An agent that keeps what it is told in memory and reports at once.
actor FakeAgent {
    nonisolated let id: AgentID
    nonisolated let token: String
    private let access: Access
    private(set) var position: Position?
    private(set) var epoch: Int64 = 0
    private(set) var open: [String: StreamEntry] = [:]
    private(set) var targets: [TargetID: TargetRow] = [:]
    private(set) var cuts: [IPAddress] = []
    private var names: [EntryID: String] = [:]
    var failures: [Failure] = []
    var dryRun: [TargetID] = []

    init(_ access: Access, _ id: AgentID, token: String) {
        self.access = access
        self.id = id
        self.token = token
    }

    static func hello(key: String = "c2lnbmluZw==", sealing: String = "c2VhbGluZw==") -> AgentMessage.Hello {
        AgentMessage.Hello(
            protocolMin: 1, protocolMax: 1, instance: "i",
            stamp: AgentStamp(boot: "b", time: BootTime(milliseconds: 0)),
            position: nil, removals: [], signingKey: key, sealingKey: sealing, signature: "", version: "1",
            machine: "gw1", system: "test", capabilities: ["nftables": "1.0.6"])
    }

    /// - Parameters:
    ///   - zone: what its own file says.
    ///   - edge: whether it serves allow lists itself.
    func attach(node: String = "a", zone: String? = nil, edge: Bool? = nil) async throws {
        var hello = Self.hello()
        hello.capabilities["zone"] = zone
        hello.edge = edge
        if case .accepted(let epoch) = try await access.attach(agent: id, hello: hello, node: node) {
            self.epoch = epoch
        }
    }

    /// What its targets are for.
    var purposes: [TargetDefinition.Purpose] { targets.values.map(\.definition.purpose) }
    /// After how many seconds without a server its targets are closed.
    var closings: [Int64?] { targets.values.map(\.definition.closeAfterSeconds) }

    func fail(_ failures: [Failure]) { self.failures = failures }
    func setDryRun(_ targets: [TargetID]) { dryRun = targets }

    /// Reads what is new and does it, without saying so.
    func read() async throws {
        switch try await access.stream(agent: id, after: position) {
        case .delta(let rows, _): take(rows)
        case .snapshot(let rows, _):
            open = [:]
            take(rows)
        }
    }

    /// Reads what is new, does it and reports it.
    func sync() async throws {
        if epoch == 0 { try await attach() }
        try await read()
        try await report()
    }

    func report(epoch: Int64? = nil, drift: AgentMessage.Drift? = nil) async throws {
        guard let position else { return }
        let applied = AgentMessage.Applied(
            linkEpoch: epoch ?? self.epoch, revision: position.revision, failures: failures, dryRun: dryRun,
            drift: drift)
        try await access.record(agent: id, linkEpoch: epoch ?? self.epoch, applied: [applied])
    }

    private func take(_ rows: StreamRows) {
        for target in rows.targets { targets[target.definition.id] = target }
        for entry in rows.entries {
            let key = "\(entry.target) \(entry.address)"
            open[key] = entry.expiresAt == nil ? nil : entry
            if let cut = entry.cut, cut > position?.revision ?? 0 { cuts.append(entry.address) }
        }
        position = rows.position
    }

    /// Addresses that are open on any target.
    var addresses: Set<String> { Set(open.values.map(\.address.description)) }

    /// When an address closes.
    func deadline(_ address: String) -> Timestamp? {
        open.values.filter { $0.address.description == address }.compactMap(\.expiresAt).max()
    }
}
