import KnocknocModel

@testable import KnocknocEnforcement

/// Refuses to cut until it is told to work.
final class FailingCutter: FlowCutting {
    private(set) var cuts: [[Cut]] = []
    var works = false

    func cut(
        _ cuts: [Cut], pause: () -> Void, drop: (Set<FlowKey>) throws(EnforcementError) -> Void
    ) throws(EnforcementError) {
        self.cuts.append(cuts)
        guard works else { throw EnforcementError(.kernel, "cutting is broken") }
    }

    func flows(
        _ protocol: TransportProtocol, where wanted: @escaping (Flow) -> Bool
    ) throws(EnforcementError) -> [Flow] { [] }
}

extension NFTablesEnforcer {
    func breakCutting() throws { try kernel().cutter = FailingCutter() }

    func mendCutting() throws { (try kernel().cutter as? FailingCutter)?.works = true }

    func cutsTried() throws -> Int { (try kernel().cutter as? FailingCutter)?.cuts.count ?? 0 }
}
