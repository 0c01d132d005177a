import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Synchronization
import Testing

@testable import KnocknocAccess

/// Clicks that come while one on the same agent is being committed. A transaction is held up by a lock that the test
/// holds; on SQLite a test's own transaction would keep out everything.
@Suite(
    "grants that share a commit", .enabled(if: Driver.hasPostgres, "SKIPPED: there is no Postgres server here"),
    .timeLimit(.minutes(5)))
struct SharedCommitTests {
    /// Waits for what the tests hold for as long as they take.
    private static let patient: AccessOptions = {
        var options = AccessOptions()
        options.grantPatience = .seconds(60)
        return options
    }()

    /// A Knoc on one agent and people who may have it, each with a session from an address of their own. One more has
    /// it already: which agent its grants wait for is known from a grant before.
    private struct Crowd {
        let world: World
        let group: GroupID
        let agent: FakeAgent
        let knoc: KnocID
        var sessions: [Session] = []

        init(_ world: World, people: Int) async throws {
            self.world = world
            group = try await world.group("staff")
            agent = try await world.agent()
            knoc = try await world.knoc(
                "wiki", [group], [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))])
            for number in 1...people {
                try await world.user("p\(number)", in: [group])
                sessions.append(try await world.signIn("p\(number)", from: "192.0.2.\(number)"))
            }
            try await world.user("early", in: [group])
            _ = try await world.access.grant(
                knoc, try await world.signIn("early", from: "192.0.2.100"), world.context())
        }

        func click(_ session: Session, _ knoc: KnocID? = nil) -> Task<KnocItem, any Error> {
            let (access, knoc, context) = (world.access, knoc ?? self.knoc, world.context())
            return Task { try await access.grant(knoc, session, context) }
        }

        func revision() async throws -> Int64 {
            let rows = try await world.database.run(
                Statement("select revision from agents where id = $1", agent.id))
            return try #require(rows.first).integer("revision")
        }

        /// Runs `body` while `statements` are written and not committed.
        func holding<Result: Sendable>(
            _ statements: [Statement], _ body: @Sendable () async throws -> Result
        ) async throws -> Result {
            try await world.database.write(OperationID.new(at: SystemTime.now())) { tx in
                try await tx.run(statements)
                return try await body()
            }
        }

        /// Looks again after each answer of the database, which leaves the processor to others meanwhile.
        func waitForLane(_ isReached: (Int) -> Bool) async throws {
            while !isReached(world.access.lanes.waiting) { try await world.database.run(SiteTable.now()) }
        }
    }

    /// The first one's click waits for a lock of the test; the others gather behind it.
    private func gather(
        _ crowd: Crowd, behind statements: [Statement], gathered: @Sendable () -> Void = {},
        _ clicks: @Sendable () async throws -> [Task<KnocItem, any Error>]
    ) async throws -> [Result<KnocItem, any Error>] {
        let tasks = try await crowd.holding(statements) {
            let first = crowd.click(crowd.sessions[0])
            try await crowd.world.waitForLocks(1)
            let others = try await clicks()
            try await crowd.waitForLane { $0 >= others.count }
            gathered()
            return [first] + others
        }
        var results: [Result<KnocItem, any Error>] = []
        for task in tasks { results.append(await task.result) }
        return results
    }

    @Test("those that wait move the agent's stream once, and its link is handed all of them")
    func once() async throws {
        try await World.with(.postgres, Self.patient) { world in
            let crowd = try await Crowd(world, people: 6)
            try await crowd.agent.sync()
            let before = try await crowd.revision()
            let steps = Mutex<[StreamStep]>([])
            world.access.steps.subscribe { _, step in steps.withLock { $0.append(step) } }
            let results = try await gather(crowd, behind: [AgentTable.bump(crowd.agent.id, change: "x")]) {
                crowd.sessions[1...].map { crowd.click($0) }
            }
            for result in results { #expect(try result.get().state == .pending) }
            // The test's own, the first one's, and one for all the others.
            #expect(try await crowd.revision() == before + 3)
            #expect(steps.withLock { $0.map { $0.rows.entries.count } } == [5])
            try await crowd.agent.sync()
            #expect(await crowd.agent.addresses == Set(([100] + Array(1...6)).map { "192.0.2.\($0)" }))
            #expect(try await world.access.listAudit(limit: 100).filter { $0.action == "grant.create" }.count == 7)
        }
    }

    @Test("what one of them may not have is refused to that one alone")
    func independent() async throws {
        try await World.with(.postgres, Self.patient) { world in
            let crowd = try await Crowd(world, people: 4)
            try await world.user("mallory")
            let mallory = try await world.signIn("mallory", from: "192.0.2.66")
            let (over, session) = (crowd.sessions[2], crowd.sessions[3])
            let before = try await crowd.revision()
            let results = try await gather(crowd, behind: [AgentTable.bump(crowd.agent.id, change: "x")]) {
                try await world.access.endSession(over.id, by: world.root, world.context())
                return [crowd.sessions[1], mallory, over, session, session].map { crowd.click($0) }
            }
            #expect(results.map { failure($0) } == [nil, nil, .notFound, .unauthenticated, nil, nil])
            // The test's own, the first one's, and one for those of the others who may.
            #expect(try await crowd.revision() == before + 3)
            try await crowd.agent.sync()
            #expect(await crowd.agent.addresses == ["192.0.2.1", "192.0.2.2", "192.0.2.4", "192.0.2.100"])
            #expect(try await world.access.listGrants(live: true).count == 4)
        }
    }

    @Test("a Knoc that is changed meanwhile is judged anew, and the others are granted", arguments: [true, false])
    func moved(_ stays: Bool) async throws {
        try await World.with(.postgres, Self.patient) { world in
            let crowd = try await Crowd(world, people: 4)
            let other = try await world.knoc(
                "other", [crowd.group], [EnforcementSpec(agentID: crowd.agent.id, backend: guardPort(9001))])
            _ = try await world.access.grant(other, crowd.sessions[3], world.context())
            let change = [KnocTable.hold(other)] + (stays ? [] : [KnocTable.clearGroups(other)])
            let results = try await crowd.holding(change) {
                let gathered = Mutex(false)
                let results = Task {
                    try await gather(crowd, behind: [AgentTable.bump(crowd.agent.id, change: "x")]) {
                        gathered.withLock { $0 = true }
                    } _: {
                        [crowd.click(crowd.sessions[1]), crowd.click(crowd.sessions[2], other)]
                    }
                }
                // The group has read the Knoc as it was, and waits for its lock.
                try await crowd.waitForLane { waiting in gathered.withLock { $0 } && waiting == 0 }
                try await world.waitForLocks(1)
                return results
            }.value
            #expect(results.map { failure($0) } == [nil, nil, stays ? nil : .notFound])
            try await crowd.agent.sync()
            #expect(await crowd.agent.addresses.isSuperset(of: ["192.0.2.1", "192.0.2.2"]))
            #expect(await crowd.agent.addresses.contains("192.0.2.3") == stays)
        }
    }

    @Test("a click that is held up holds up nobody, behind it or in its group")
    func blocked() async throws {
        try await World.with(.postgres) { world in
            let crowd = try await Crowd(world, people: 5)
            let (first, stuck) = (crowd.sessions[0], crowd.sessions[2])
            let tasks = try await crowd.holding([SessionTable.lock(first.id), SessionTable.lock(stuck.id)]) {
                let tasks = crowd.sessions.map { crowd.click($0) }
                let deadline = ContinuousClock.now + .seconds(60)
                var live = 1
                while live < 4, ContinuousClock.now < deadline {
                    live = try await world.access.listGrants(live: true).count
                }
                #expect(live == 4)
                return tasks
            }
            for task in tasks { _ = try await task.value }
            #expect(try await world.access.listGrants(live: true).count == 6)
            #expect(world.access.lanes.waiting == 0)
        }
    }

    @Test("a grant whose time is over and that nobody has swept yet is made anew beside the others")
    func expired() async throws {
        try await World.with(.postgres, Self.patient) { world in
            let crowd = try await Crowd(world, people: 3)
            let short = try await world.knoc(
                "short", [crowd.group], [EnforcementSpec(agentID: crowd.agent.id, backend: guardPort(9001))],
                seconds: 10)
            _ = try await world.access.grant(short, crowd.sessions[1], world.context())
            world.clock.advance(seconds: 11)
            let results = try await gather(crowd, behind: [AgentTable.bump(crowd.agent.id, change: "x")]) {
                [crowd.click(crowd.sessions[1], short), crowd.click(crowd.sessions[2])]
            }
            #expect(try results.map { try $0.get().state } == [.pending, .pending, .pending])
            try await crowd.agent.sync()
            #expect(await crowd.agent.addresses == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.100"])
            #expect(try await world.actions().filter { $0 == "grant.end" }.count == 1)
        }
    }
}
