import KnocknocModel
import KnocknocStore
import Logging
public import ServiceLifecycle

/// Ends what has expired and clears away what nobody needs; every node runs one, and it does no harm twice.
public struct Sweeper: Service {
    private let access: Access

    public init(access: Access) { self.access = access }

    /// Works every second, and at the next expiry where that is sooner, until the task is cancelled.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var round = 0
            while !Task.isCancelled {
                let pause = await sweep(round)
                round += 1
                try? await Task.sleep(for: pause)
            }
        }
    }

    /// - Returns: how long to wait for the next round.
    private func sweep(_ round: Int) async -> Duration {
        do {
            while try await access.endExpired() >= 200 {}
            try await access.noteSeen()
            if round % 10 == 0 { try await access.prune() }
            if round % 60 == 0 { try await access.repair() }
            guard let next = try await access.nextExpiry() else { return .seconds(1) }
            let left = next.milliseconds(since: access.late) + 1
            return .milliseconds(min(1000, max(5, left)))
        } catch is CancellationError {
            return .zero
        } catch {
            access.logger.warning("the sweep did not finish; it starts again", metadata: ["error": "\(error)"])
            return .seconds(1)
        }
    }
}
