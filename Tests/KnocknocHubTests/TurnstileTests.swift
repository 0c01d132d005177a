import KnocknocModel
import KnocknocProtocol
import Logging
import Synchronization
import Testing

@testable import KnocknocHub

@Suite("agents are taken in a few at a time", .timeLimit(.minutes(1)))
struct TurnstileTests {
    /// A hub that takes one agent in at a time.
    private static func narrowHub() -> (Hub, FakeDirectory) {
        var options = HubOptions()
        options.greetings = 1
        let directory = FakeDirectory(
            answer: .delta(StreamRows(position: HubTests.start), after: HubTests.start))
        let hub = Hub(
            directory: directory, node: "web-1", options: options,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return (hub, directory)
    }

    /// Until so many wait; the suite's limit ends it.
    private func wait(for count: Int, at turnstile: Turnstile) async {
        while turnstile.waiting != count { await Task.yield() }
    }

    @Test("no more than there are places, the others in their order")
    func order() async throws {
        let turnstile = Turnstile(places: 2)
        let turns = [try await turnstile.enter(), try await turnstile.enter()]
        let (entered, enters) = AsyncStream<(Int, Turnstile.Turn)>.makeStream()
        for number in 1...3 {
            Task { enters.yield((number, try await turnstile.enter())) }
            await wait(for: number, at: turnstile)
        }
        var arrivals = entered.makeAsyncIterator()
        turns[1].leave()
        // Whoever leaves twice lets nobody else in.
        turns[1].leave()
        let first = await arrivals.next()
        #expect(first?.0 == 1)
        #expect(turnstile.waiting == 2)
        turns[0].leave()
        let second = await arrivals.next()
        #expect(second?.0 == 2)
        first?.1.leave()
        #expect(await arrivals.next()?.0 == 3)
    }

    @Test("a place that nobody holds any more is free")
    func forgotten() async throws {
        let turnstile = Turnstile(places: 1)
        do { _ = try await turnstile.enter() }
        _ = try await turnstile.enter()
        #expect(turnstile.waiting == 0)
    }

    @Test("whoever gives up waiting takes nobody's place")
    func givesUp() async throws {
        let turnstile = Turnstile(places: 1)
        let turn = try await turnstile.enter()
        let waiter = Task { try await turnstile.enter() }
        await wait(for: 1, at: turnstile)
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(turnstile.waiting == 0)
        turn.leave()
        try await turnstile.enter().leave()
    }

    @Test("an agent is taken in when there is a place, which is free again once it is told how everything stands")
    func agent() async throws {
        let (hub, directory) = Self.narrowHub()
        let turn = try await hub.turnstile.enter()
        let agent = try await FakeAgent(hub)
        try await agent.greet(position: HubTests.start)
        await wait(for: 1, at: hub.turnstile)
        #expect(directory.state.withLock { $0.asked.isEmpty })
        turn.leave()
        guard case .welcome = try await agent.next() else { throw Unexpected() }
        guard case .changes = try await agent.next() else { throw Unexpected() }
        // The link stands, and takes no place.
        try await hub.turnstile.enter().leave()
        #expect(hub.agents == [FakeAgent.id])
        await agent.hangUp()
    }

    @Test("where the database is gone meanwhile, those who wait are sent elsewhere without asking it")
    func noDatabase() async throws {
        let (hub, directory) = Self.narrowHub()
        let turn = try await hub.turnstile.enter()
        let agent = try await FakeAgent(hub)
        try await agent.greet(position: HubTests.start)
        await wait(for: 1, at: hub.turnstile)
        directory.state.withLock { $0.databaseAge = .seconds(6) }
        turn.leave()
        guard case .bye(let bye) = try await agent.next() else { throw Unexpected() }
        #expect(bye.code == .noDatabase)
        #expect(directory.state.withLock { $0.asked.isEmpty })
        await agent.hangUp()
    }
}
