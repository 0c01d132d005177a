import KnocknocModel
import KnocknocStore
import Logging
public import ServiceLifecycle
import Synchronization

/// Ends what has expired and clears away what nobody needs; every node runs one, and it does no harm twice.
public struct Sweeper: Service {
    private let access: Access

    public init(access: Access) { self.access = access }

    /// Works every second, and at the next expiry where that is sooner, until the task is cancelled.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            // Rounds that are not more than one a second, and for how many of them nothing has failed: after a start, and
            // after a time without the database, nobody has been heard of for a while who is there all the same.
            var (round, steady) = (0, 0)
            var next = ContinuousClock.now
            var failing: Set<String> = []
            while !Task.isCancelled {
                let isWhole = ContinuousClock.now >= next
                if isWhole { next = .now + .seconds(1) }
                let failed = isWhole ? await sweep(round, steady: steady) : await sweepExpired()
                for (step, error) in failed where failing.insert(step).inserted {
                    access.logger.warning("\(step) fails; it is tried again", metadata: ["error": "\(error)"])
                }
                if failed.isEmpty { failing = [] }
                steady = failed.isEmpty ? steady + (isWhole ? 1 : 0) : 0
                if isWhole { round += 1 }
                try? await Task.sleep(for: await pause())
            }
        }
    }

    /// Each step for itself, those that end access first: what cannot be cleared away must not keep them from it.
    ///
    /// - Returns: the steps that failed.
    func sweep(_ round: Int, steady: Int = 0) async -> [String: any Error] {
        var failed = await sweepExpired()
        func step(_ name: String, _ body: () async throws -> Void) async {
            do {
                try await body()
            } catch  where !(error is CancellationError) {
                failed[name] = error
            } catch {}
        }
        let agentsHaveMoved = access.zoneWatch.takeDue()
        if round % 5 == 0 || agentsHaveMoved {
            await step("following zones") { try await access.rezone(leavingSilent: steady >= 60) }
        }
        if round % 60 == 0 { await step("ending rights whose cause is gone") { try await access.repair() } }
        if round % 60 == 0 { await step("ending keys that nobody uses") { try await access.endIdleKeys() } }
        await step("noting when sessions were seen") {
            try await access.noteSeen()
            try await access.noteSeenAddresses()
        }
        // After what has been seen is written down.
        await step("ending what was open for addresses that have left") {
            while try await access.leaveAddresses() >= 100 {}
        }
        if round % 10 == 0 { await step("clearing away") { try await access.prune() } }
        return failed
    }

    private func sweepExpired() async -> [String: any Error] {
        do {
            while try await access.endExpired() >= 200 {}
            access.lastSweep.withLock { $0 = access.late }
        } catch  where !(error is CancellationError) {
            return ["ending what has expired": error]
        } catch {}
        return [:]
    }

    /// How long to wait for the next round.
    private func pause() async -> Duration {
        guard let next = try? await access.nextExpiry() else { return .seconds(1) }
        let left = next.milliseconds(since: access.late) + 1
        return .milliseconds(min(1000, max(5, left)))
    }
}
