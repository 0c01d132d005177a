import Foundation
import KnocknocModel
import KnocknocProtocol
import Logging
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Synchronization
import Testing

@testable import KnocknocHub

@Suite("The hub", .timeLimit(.minutes(1)))
struct HubTests {
    static let start = Position(epoch: "site", revision: 3, change: "a")
    static let later = Position(epoch: "site", revision: 4, change: "b")
    static let entry = StreamEntry(
        id: EntryID(value: 9), target: TargetID(value: 1), address: .v4(0x0a00_0001), revision: 4,
        expiresAt: Timestamp(microseconds: 1_060_000_000))

    private func hub(_ directory: FakeDirectory) -> Hub {
        Hub(directory: directory, node: "web-1", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Nothing has happened since the position that agents come with.
    static func restingDirectory() -> FakeDirectory {
        FakeDirectory(answer: .delta(StreamRows(position: start), after: start))
    }

    /// An agent that has been welcomed and is up to date.
    private func linkedAgent(_ hub: Hub) async throws -> FakeAgent {
        let agent = try await FakeAgent(hub)
        try await agent.greet(position: Self.start)
        _ = try await agent.next()
        _ = try await agent.next()
        return agent
    }

    @Test("an agent without state is welcomed and gets a snapshot")
    func snapshot() async throws {
        let directory = FakeDirectory(
            answer: .snapshot(StreamRows(position: Self.later, entries: [Self.entry]), diverged: false))
        let agent = try await FakeAgent(hub(directory))
        try await agent.greet()
        guard case .welcome(let welcome) = try await agent.next() else { throw Unexpected() }
        #expect(welcome.node == "web-1")
        #expect(welcome.heartbeat == 5000)
        #expect(try await agent.next() == .snapshotBegin(.init(position: Self.later)))
        guard case .snapshotChunk(let rows) = try await agent.next() else { throw Unexpected() }
        #expect(rows.since == FakeAgent.stamp(5000))
        #expect(rows.entries.first?.ttl == 60_000)
        #expect(try await agent.next() == .snapshotEnd(.init(position: Self.later)))
        await agent.hangUp()
    }

    @Test("what a commit of this node did goes out without asking the store")
    func step() async throws {
        let directory = FakeDirectory(answer: .delta(StreamRows(position: Self.start), after: Self.start))
        let hub = hub(directory)
        let agent = try await FakeAgent(hub)
        try await agent.greet(position: Self.start)
        _ = try await agent.next()
        _ = try await agent.next()
        let asked = directory.state.withLock { $0.asked.count }
        directory.step(
            FakeAgent.id, StreamStep(after: Self.start, rows: StreamRows(position: Self.later, entries: [Self.entry])))
        guard case .changes(let changes) = try await agent.next() else { throw Unexpected() }
        #expect(changes.after == Self.start)
        #expect(changes.position == Self.later)
        #expect(changes.rows.entries.map(\.id) == [Self.entry.id])
        #expect(directory.state.withLock { $0.asked.count } == asked)
        await agent.hangUp()
    }

    @Test("a hint wakes the link, and what is left counts from the last heartbeat")
    func wake() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        directory.state.withLock { $0.now = Timestamp(microseconds: 1_005_000_000) }
        try await agent.say(.heartbeat(FakeAgent.stamp(10_000)))
        guard case .heartbeat(let reply) = try await agent.next() else { throw Unexpected() }
        #expect(reply.stamp == FakeAgent.stamp(10_000))
        directory.state.withLock {
            $0.answer = .delta(StreamRows(position: Self.later, entries: [Self.entry]), after: Self.start)
        }
        await hub.apply(.agents([FakeAgent.id]))
        guard case .changes(let changes) = try await agent.next() else { throw Unexpected() }
        #expect(changes.position == Self.later)
        #expect(changes.rows.since == FakeAgent.stamp(10_000))
        #expect(changes.rows.entries.first?.ttl == 55_000)
        await agent.hangUp()
    }

    @Test("where every hint is lost, the comparison finds the change")
    func comparison() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        directory.state.withLock {
            $0.answer = .delta(StreamRows(position: Self.later, entries: [Self.entry]), after: Self.start)
            $0.standings = [FakeAgent.id: LinkStanding(position: Self.later, linkEpoch: 1)]
        }
        await hub.compare(now: .now)
        guard case .changes = try await agent.next() else { throw Unexpected() }
        await agent.hangUp()
    }

    @Test("what an agent reports is written, unless it is of another link")
    func applied() async throws {
        let directory = Self.restingDirectory()
        // A hub that runs compares by its own clock, and ends the links of agents that the store does not know.
        directory.state.withLock {
            $0.standings = [FakeAgent.id: LinkStanding(position: Self.start, linkEpoch: 1)]
        }
        let hub = hub(directory)
        let running = Task { try await hub.run() }
        let agent = try await FakeAgent(hub)
        try await agent.greet(position: Self.start)
        _ = try await agent.next()
        try await agent.say(.applied(.init(linkEpoch: 99, revision: 3, failures: [], dryRun: [])))
        try await agent.say(.applied(.init(linkEpoch: 1, revision: 3, failures: [], dryRun: [])))
        var reports = directory.recorded.makeAsyncIterator()
        #expect(await reports.next()?.linkEpoch == 1)
        await agent.hangUp()
        running.cancel()
    }

    @Test("a write of who fetched lists that has to wait keeps no change from the agent")
    func fetches() async throws {
        let directory = Self.restingDirectory()
        directory.state.withLock {
            $0.standings = [FakeAgent.id: LinkStanding(position: Self.start, linkEpoch: 1)]
            $0.holdsFetches = true
        }
        let hub = hub(directory)
        let running = Task { try await hub.run() }
        let agent = try await linkedAgent(hub)
        try await agent.say(.fetched(FetchReportTests.fetched(3)))
        var heard = directory.heard.makeAsyncIterator()
        #expect(await heard.next() == FetchReportTests.fetched(3))
        directory.step(
            FakeAgent.id, StreamStep(after: Self.start, rows: StreamRows(position: Self.later, entries: [Self.entry])))
        guard case .changes(let changes) = try await agent.next() else { throw Unexpected() }
        #expect(changes.position == Self.later)
        await agent.hangUp()
        running.cancel()
    }

    @Test("an agent is told which web nodes live, when it comes and when that changes")
    func nodes() async throws {
        let directory = Self.restingDirectory()
        directory.state.withLock { $0.endpoints = ["https://web-1.example.org"] }
        let hub = hub(directory)
        let agent = try await FakeAgent(hub)
        try await agent.greet(position: Self.start)
        guard case .welcome = try await agent.next() else { throw Unexpected() }
        var told: [ServerMessage] = [try await agent.next(), try await agent.next()]
        told.removeAll { if case .changes = $0 { true } else { false } }
        #expect(told == [.nodes(.init(endpoints: ["https://web-1.example.org"], spread: 0))])
        hub.tellNodes(hub.registry.all)
        directory.state.withLock { $0.endpoints.append("https://web-2.example.org") }
        hub.tellNodes(hub.registry.all)
        let both = ["https://web-1.example.org", "https://web-2.example.org"]
        #expect(try await agent.next() == .nodes(.init(endpoints: both, spread: 0)))
        await agent.hangUp()
    }

    @Test("agents of a node with many of them are spread by a millisecond each, up to 16 s")
    func spread() {
        #expect([0, 1, 256, 257, 1000, 10_000, 1_000_000].map(Hub.spread) == [0, 0, 0, 512, 1024, 16_384, 16_384])
    }

    @Test("a newer link says bye to the older one at once")
    func replaced() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let old = try await linkedAgent(hub)
        directory.state.withLock { $0.attach = .accepted(linkEpoch: 2) }
        let new = try await FakeAgent(hub)
        try await new.greet(position: Self.start)
        guard case .bye(let bye) = try await old.next() else { throw Unexpected() }
        #expect(bye.code == .replaced)
        _ = try await new.next()
        #expect(hub.registry[FakeAgent.id]?.epoch == 2)
        await hub.notePresence()
        #expect(directory.state.withLock { $0.heard } == [FakeAgent.id: 2], "the link that it is heard of over")
        await old.hangUp()
        #expect(hub.registry[FakeAgent.id]?.epoch == 2)
        await new.hangUp()
        #expect(hub.agents.isEmpty)
    }

    @Test("an older link that comes in late gives way to the newer one")
    func late() async throws {
        let directory = Self.restingDirectory()
        directory.state.withLock { $0.attach = .accepted(linkEpoch: 2) }
        let hub = hub(directory)
        let new = try await linkedAgent(hub)
        directory.state.withLock { $0.attach = .accepted(linkEpoch: 1) }
        let old = try await FakeAgent(hub)
        try await old.greet(position: Self.start)
        #expect(try await old.byeCode() == .replaced)
        await old.hangUp()
        #expect(hub.registry[FakeAgent.id]?.epoch == 2)
        try await new.say(.heartbeat(FakeAgent.stamp(6000)))
        guard case .heartbeat = try await new.next() else { throw Unexpected() }
        await new.hangUp()
    }

    @Test("a link that another node has overtaken ends by the comparison")
    func overtaken() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        directory.state.withLock {
            $0.standings = [FakeAgent.id: LinkStanding(position: Self.start, linkEpoch: 2)]
        }
        await hub.compare(now: .now)
        #expect(try await agent.byeCode() == .replaced)
        await agent.hangUp()
    }

    @Test("an agent that was deleted is told so by the comparison")
    func deleted() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        await hub.compare(now: .now)
        #expect(try await agent.byeCode() == .revoked)
        await agent.hangUp()
    }

    @Test("a node without its database lets its agents go and takes none")
    func withoutDatabase() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        directory.state.withLock { $0.databaseAge = .milliseconds(5001) }
        await hub.compare(now: .now)
        #expect(try await agent.byeCode() == .noDatabase)
        await agent.hangUp()
        let late = try await FakeAgent(hub)
        #expect(try await late.byeCode() == .noDatabase)
        await late.hangUp()
    }

    @Test("agents are let go though the comparison still waits for the database")
    func stuckDatabase() async throws {
        let directory = Self.restingDirectory()
        directory.state.withLock { $0.isStuck = true }
        var options = HubOptions()
        options.comparison = .milliseconds(5)
        let hub = Hub(
            directory: directory, node: "web-1", options: options,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let agent = try await linkedAgent(hub)
        let running = Task { try await hub.run() }
        for await _ in directory.stuck { break }
        directory.state.withLock { $0.databaseAge = .milliseconds(5001) }
        #expect(try await agent.byeCode() == .noDatabase)
        await agent.hangUp()
        running.cancel()
        try await running.value
    }

    @Test("a link that ends is said to be gone, however it ends", arguments: [true, false])
    func detached(isCancelled: Bool) async throws {
        let directory = Self.restingDirectory()
        let agent = try await linkedAgent(hub(directory))
        if isCancelled { agent.served.cancel() } else { await agent.hangUp() }
        for await epoch in directory.left {
            #expect(epoch == 1)
            break
        }
        await agent.hangUp()
    }

    @Test("a stopping node says so")
    func draining() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        hub.drain()
        #expect(try await agent.byeCode() == .draining)
        await agent.hangUp()
    }

    @Test("a link ends with the token that it was opened with, and another one goes on")
    func token() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        let agent = try await FakeAgent(hub, token: [1])
        try await agent.greet(position: Self.start)
        for _ in 0..<2 { _ = try await agent.next() }
        for (tokens, counts) in [(nil, true), ([[2], [1]], true), ([[2]], false)] as [([[UInt8]]?, Bool)] {
            directory.state.withLock {
                $0.standings = [FakeAgent.id: LinkStanding(position: Self.start, linkEpoch: 1, tokens: tokens)]
            }
            await hub.compare(now: .now)
            if counts {
                try await agent.say(.heartbeat(FakeAgent.stamp(6000)))
                guard case .heartbeat = try await agent.next() else { throw Unexpected() }
            } else {
                #expect(try await agent.byeCode() == .resync)
            }
        }
        await agent.hangUp()
        #expect(hub.agents.isEmpty)
    }

    @Test("a link that is silent for 30 s is cut")
    func silent() async throws {
        let directory = Self.restingDirectory()
        directory.state.withLock {
            $0.standings = [FakeAgent.id: LinkStanding(position: Self.start, linkEpoch: 1)]
        }
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        await hub.compare(now: .now.advanced(by: .seconds(29)))
        try await agent.say(.heartbeat(FakeAgent.stamp(6000)))
        guard case .heartbeat = try await agent.next() else { throw Unexpected() }
        await hub.compare(now: .now.advanced(by: .seconds(31)))
        await agent.served.value
        #expect(hub.agents.isEmpty)
    }

    @Test("a ping that the store has is passed on once, whether its hint came or not", arguments: [true, false])
    func askedElsewhere(_ isHinted: Bool) async throws {
        let directory = Self.restingDirectory()
        directory.state.withLock {
            $0.standings = [FakeAgent.id: LinkStanding(position: Self.start, linkEpoch: 1)]
        }
        let hub = hub(directory)
        let agent = try await linkedAgent(hub)
        let request = PingRequest(id: PingID(value: 5), agent: FakeAgent.id)
        let other = PingRequest(id: PingID(value: 6), agent: AgentID(value: 99))
        directory.state.withLock { $0.pings = [other, request] }
        if isHinted {
            await hub.apply(.pings([AgentID(value: 99)]))
            #expect(directory.state.withLock { $0.looks } == 0, "that agent is not linked here")
            await hub.apply(.pings([FakeAgent.id]))
        } else {
            await hub.compare(now: .now)
        }
        guard case .ping(let ping) = try await agent.next() else { throw Unexpected() }
        await hub.compare(now: .now)
        try await agent.say(.pong(.init(id: ping.id)))
        var answers = directory.answered.makeAsyncIterator()
        let answer = await answers.next()
        #expect(answer?.0 == request.id && answer?.1 == "web-1")
        #expect(directory.state.withLock { $0.pings } == [other])
        // Had it been passed on twice, the second would be what comes next.
        try await agent.say(.heartbeat(FakeAgent.stamp(6000)))
        guard case .heartbeat = try await agent.next() else { throw Unexpected() }
        await agent.hangUp()
    }

    @Test("ping measures the way there and back")
    func ping() async throws {
        let directory = Self.restingDirectory()
        let hub = hub(directory)
        #expect(await hub.ping(FakeAgent.id) == nil)
        let agent = try await linkedAgent(hub)
        async let time = hub.ping(FakeAgent.id)
        guard case .ping(let ping) = try await agent.next() else { throw Unexpected() }
        #expect(ping.logLines == nil)
        try await agent.say(.pong(.init(id: ping.id)))
        #expect(await time != nil)
        async let answer = hub.ping(FakeAgent.id, logLines: 7)
        guard case .ping(let second) = try await agent.next() else { throw Unexpected() }
        #expect(second.logLines == 7)
        try await agent.say(.pong(.init(id: second.id, log: ["one"])))
        #expect(await answer?.log == ["one"])
        await agent.hangUp()
    }
}

struct Unexpected: Error {}

extension FakeAgent {
    /// Reads on until the server says bye.
    func byeCode() async throws -> ServerMessage.Bye.Code {
        while true {
            if case .bye(let bye) = try await next() { return bye.code }
        }
    }
}
