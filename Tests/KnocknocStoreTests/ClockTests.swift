import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocStore

/// A wall clock that a test sets.
private final class Wall: Sendable {
    private let value = Mutex<Int64>(1_000_000_000)

    var now: Timestamp { Timestamp(microseconds: value.withLock { $0 }) }

    func move(by microseconds: Int64) { value.withLock { $0 += microseconds } }
}

@Suite("clocks")
struct ClockTests {
    @Test("without a sample, time goes on by the boot clock where the wall clock is set back")
    func setBack() {
        let wall = Wall()
        let clock = ClockEstimate(wall: { wall.now })
        let start = ContinuousClock.now
        #expect(clock.now(at: start).microseconds == 1_000_000_000)
        wall.move(by: -3_600_000_000)
        #expect(clock.now(at: start + .seconds(5)).microseconds == 1_005_000_000)
        for tenth in 1...10 {
            let now = clock.now(at: start + .seconds(5) + .nanoseconds(100 * tenth))
            #expect(now.microseconds == 1_005_000_000 + Int64(tenth / 10))
        }
        wall.move(by: 3_605_000_000 + 7_000_000)
        #expect(clock.now(at: start + .seconds(6)).microseconds == 1_012_000_000)
        #expect(clock.now(at: start + .seconds(8)).microseconds == 1_014_000_000)
    }

    @Test("SQLite's knocknoc_now() is the given wall clock, and what is estimated is never earlier")
    func sqlite() async throws {
        let wall = Wall()
        let database = try SQLiteDatabase(
            path: Fixture.folder() + "/k.db", serverLock: false, logger: Fixture.logger, wall: { wall.now })
        let exact = {
            try await database.run(Statement("select knocknoc_now() as now"))[0].timestamp("now")
        }
        var last = Timestamp(microseconds: 0)
        for step in [0, 5_000_000, 250_000, -60_000_000, 1, 3_600_000_000] as [Int64] {
            wall.move(by: step)
            let (now, estimate) = (try await exact(), database.estimatedNow())
            #expect(now >= wall.now)
            #expect(now >= last)
            #expect(estimate >= now)
            if step > 1_000_000 { #expect(now.milliseconds(since: wall.now) < 2000) }
            last = estimate
        }
        wall.move(by: -7_200_000_000)
        let before = try await exact()
        while try await exact() == before {}
        await database.close()
    }

    @Test("a slot that is not to be had is refused in time, however short that is", .timeLimit(.minutes(1)))
    func shortPatience() async throws {
        let semaphore = FairSemaphore(slots: 1)
        try await semaphore.acquire(within: .zero, for: "the slot")
        for nanoseconds in 0..<3000 {
            let limit = Duration.nanoseconds(nanoseconds % 3)
            await #expect(throws: StoreError.self) { try await semaphore.acquire(within: limit, for: "the slot") }
        }
        semaphore.release()
        try await semaphore.acquire(within: .zero, for: "the slot")
    }
}
