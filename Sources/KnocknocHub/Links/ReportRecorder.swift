import KnocknocModel
import KnocknocMoments
import KnocknocProtocol
import Logging
import Synchronization

/// Writes what agents report: at once while nothing is under way, else the newest of each as soon as that is done, so
/// that a burst costs one write for each agent.
final class ReportRecorder: Sendable {
    private struct Pending {
        var epoch: Int64
        var applied: AgentMessage.Applied
    }

    private let directory: any LinkDirectory
    private let logger: Logger
    private let pending = Mutex<[AgentID: Pending]>([:])
    private let signal: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(directory: any LinkDirectory, logger: Logger) {
        self.directory = directory
        self.logger = logger
        (signal, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ applied: AgentMessage.Applied, agent: AgentID) {
        pending.withLock { pending in
            // A link that is gone may repeat itself after its successor has spoken.
            guard (pending[agent]?.epoch ?? .min) <= applied.linkEpoch else { return }
            var newest = applied
            // All but this is said anew with each.
            if let drift = pending[agent]?.applied.drift { newest.drift = newest.drift.map { $0 + drift } ?? drift }
            pending[agent] = Pending(epoch: applied.linkEpoch, applied: newest)
        }
        wake.yield()
    }

    func run() async {
        for await _ in signal {
            let batch = pending.withLock { pending in
                defer { pending = [:] }
                return pending
            }
            await withTaskGroup(of: Void.self) { group in
                for (count, item) in batch.enumerated() {
                    if count >= 8 { await group.next() }
                    group.addTask { await self.write(item.value, agent: item.key) }
                }
            }
        }
    }

    private func write(_ report: Pending, agent: AgentID) async {
        do {
            Moment.reach(.beforeRecord)
            try await directory.record(agent: agent, linkEpoch: report.epoch, applied: [report.applied])
            Moment.reach(.afterRecord)
        } catch {
            logger.warning(
                "An agent's report could not be written; it is tried again.",
                metadata: ["agent": "\(agent)", "error": "\(error)"])
            // A newer report may have come meanwhile; the hub's next comparison signals again.
            pending.withLock { if $0[agent] == nil { $0[agent] = report } }
        }
    }

    /// Tries again what could not be written.
    func retry() {
        if pending.withLock({ !$0.isEmpty }) { wake.yield() }
    }
}
