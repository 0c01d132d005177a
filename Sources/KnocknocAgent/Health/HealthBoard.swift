import NIOConcurrencyHelpers

/// The present health, written by the agent and read by its listener.
final class HealthBoard: Sendable {
    private let report: NIOLockedValueBox<HealthReport>

    init(_ report: HealthReport) { self.report = NIOLockedValueBox(report) }

    func read() -> HealthReport { report.withLockedValue { $0 } }

    func update(_ change: (inout HealthReport) -> Void) { report.withLockedValue { change(&$0) } }
}
