import KnocknocModel
import KnocknocStore
import Synchronization
import Testing

@testable import KnocknocAccess

/// Clicks in lanes with transactions that the test decides on.
@Suite("lanes of grants", .timeLimit(.minutes(5)))
struct LaneTests {
    /// Transactions that end when the test says so.
    private final class Database: Sendable {
        private struct State {
            var groups: [[UserID?]] = []
            var held: [CheckedContinuation<GrantLanes.Ending, Never>] = []
            var alone: [UserID?] = []
        }

        private let state = Mutex(State())
        /// Groups with one of these are contended.
        let stuck: Set<UserID>

        init(stuck: Set<UserID> = []) { self.stuck = stuck }

        var groups: [[UserID?]] { state.withLock { $0.groups } }
        var alone: [UserID?] { state.withLock { $0.alone } }

        var runner: GrantLanes.Runner {
            GrantLanes.Runner { clicks in
                let users = clicks.map(\.session.userID)
                let isFirst = self.state.withLock { state in
                    state.groups.append(users)
                    return state.groups.count == 1
                }
                if isFirst {
                    return await withCheckedContinuation { ending in self.state.withLock { $0.held.append(ending) } }
                }
                if users.contains(where: { $0.map(self.stuck.contains) ?? false }) { return .contended }
                return .verdicts(clicks.map { _ in .decided(.success(())) })
            } alone: { click in
                self.state.withLock { $0.alone.append(click.session.userID) }
                return .success(())
            }
        }

        /// Ends the first transaction, which all others wait for, once it is under way.
        func release(_ ending: GrantLanes.Ending = .verdicts([.decided(.success(()))])) async {
            while true {
                let held = state.withLock { $0.held.popLast() }
                if let held { return held.resume(returning: ending) }
                await Task.yield()
            }
        }
    }

    private func click(_ user: Int, knoc: UInt128 = 1, deadline: ContinuousClock.Instant = .now + .seconds(60)) -> Click
    {
        let session = Session(
            id: SessionID(value: UInt128(user)), principal: .user(UserID(value: UInt128(user))), name: "p",
            displayName: nil, address: nil, addressReason: nil, createdAt: Timestamp(microseconds: 0),
            expiresAt: Timestamp(microseconds: 0), csrf: "")
        let context = RequestContext(client: .refused(nil, reason: "test"), userAgent: nil, requestID: "r")
        return Click(knoc: KnocID(value: knoc), session: session, context: context, deadline: deadline)
    }

    /// Submits one click, then the others behind it, lets the first one's transaction end, and tells what became of all.
    private func run(
        _ database: Database, first: GrantLanes.Ending = .verdicts([.decided(.success(()))]), _ others: [Click]
    ) async -> [Result<Void, any Error>] {
        let lanes = GrantLanes()
        let submit = { (click: Click) in
            Task { () -> Result<Void, any Error> in
                do { return .success(try await lanes.submit(click, database.runner)) } catch { return .failure(error) }
            }
        }
        var tasks = [submit(click(0))]
        while database.groups.isEmpty { await Task.yield() }
        for (index, other) in others.enumerated() {
            tasks.append(submit(other))
            while lanes.waiting <= min(index, GrantLanes.capacity - 1) { await Task.yield() }
        }
        await database.release(first)
        var results: [Result<Void, any Error>] = []
        for task in tasks { results.append(await task.value) }
        #expect(lanes.waiting == 0)
        return results
    }

    @Test("those that wait go together, 64 at once, in the order in which they came")
    func groups() async {
        let database = Database()
        let results = await run(database, (1...70).map { click($0) })
        #expect(results.allSatisfy { (try? $0.get()) != nil })
        #expect(database.groups.map(\.count) == [1, 64, 6])
        #expect(database.groups.flatMap(\.self) == (0...70).map { UserID(value: UInt128($0)) })
    }

    @Test("nobody has two clicks in a group")
    func twins() async {
        let database = Database()
        _ = await run(database, [click(1), click(2), click(1, knoc: 1), click(1)])
        #expect(database.groups.map(\.count) == [1, 2, 1, 1])
    }

    @Test("a group in which one is held up is halved until that one goes alone")
    func halves() async {
        let database = Database(stuck: [UserID(value: 5)])
        let results = await run(database, (1...8).map { click($0) })
        #expect(results.allSatisfy { (try? $0.get()) != nil })
        #expect(database.alone == [UserID(value: 5)])
        #expect(database.groups.map(\.count) == [1, 8, 4, 4, 2, 1, 1, 2])
    }

    @Test("one that is held up while nobody else is there goes alone too, and its lane is free")
    func single() async {
        let database = Database()
        let results = await run(database, first: .contended, [click(1)])
        #expect(results.allSatisfy { (try? $0.get()) != nil })
        #expect(database.alone == [UserID(value: 0)])
        #expect(database.groups.map(\.count) == [1, 1])
    }

    @Test("a click that has waited too long is told so and not run")
    func late() async {
        let database = Database()
        let results = await run(database, [click(1, deadline: .now), click(2)])
        #expect(throws: StoreError.self) { try results[1].get() }
        #expect(throws: Never.self) { try results[2].get() }
        #expect(database.groups == [[UserID(value: 0)], [UserID(value: 2)]])
    }

    @Test("a lane that is full refuses")
    func full() async {
        let database = Database()
        let results = await run(database, (1...GrantLanes.capacity + 1).map { click($0) })
        let refused = results.filter { failure($0) == .busy }
        #expect(refused.count == 1)
        #expect(database.groups.flatMap(\.self).count == GrantLanes.capacity + 1)
    }

    @Test("Knocs on one agent share a lane once that is known, others do not")
    func learned() async {
        let (database, lanes) = (Database(), GrantLanes())
        lanes.learn(KnocID(value: 1), AgentID(value: 9))
        lanes.learn(KnocID(value: 2), AgentID(value: 9))
        let first = Task { try await lanes.submit(click(0), database.runner) }
        while database.groups.isEmpty { await Task.yield() }
        let second = Task { try await lanes.submit(click(1, knoc: 2), database.runner) }
        while lanes.waiting < 1 { await Task.yield() }
        await #expect(throws: Never.self) { try await lanes.submit(click(2, knoc: 3), database.runner) }
        #expect(lanes.waiting == 1)
        await database.release()
        for task in [first, second] { await #expect(throws: Never.self) { try await task.value } }
    }
}
