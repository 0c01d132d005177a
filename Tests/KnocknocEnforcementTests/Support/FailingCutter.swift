import KnocknocModel

@testable import KnocknocEnforcement

/// Refuses to cut until it is told to work.
actor FailingCutter: FlowCutting {
    private(set) var tried = 0
    private var works = false

    func mend() { works = true }

    func find(_ cuts: [Cut], in place: FlowSearch) -> FoundFlows {
        tried += 1
        return FoundFlows(failure: works ? nil : EnforcementError(.kernel, "cutting is broken"))
    }

    func end(_ found: FoundFlows) {}

    func flows(_ protocol: TransportProtocol, where wanted: @escaping @Sendable (Flow) -> Bool) -> [Flow] { [] }

    func limitation() -> String? { nil }
}

extension NFTablesEnforcer {
    func use(_ cutter: any FlowCutting) throws { try kernel().cutter = cutter }
}

/// Finds flows, and says that there may be others.
actor HalfBlindCutter: FlowCutting {
    private let cutter: FlowCutter

    init(_ cutter: FlowCutter) { self.cutter = cutter }

    func find(_ cuts: [Cut], in place: FlowSearch) async -> FoundFlows {
        var found = await cutter.find(cuts, in: place)
        found.failure = EnforcementError(.kernel, "half is not seen")
        return found
    }

    func end(_ found: FoundFlows) async throws(EnforcementError) { try await cutter.end(found) }

    func flows(
        _ protocol: TransportProtocol, where wanted: @escaping @Sendable (Flow) -> Bool
    ) async throws(EnforcementError) -> [Flow] { try await cutter.flows(`protocol`, where: wanted) }

    func limitation() async -> String? { await cutter.limitation() }
}
