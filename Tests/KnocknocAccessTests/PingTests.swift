import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("pings and resyncs through the store", .timeLimit(.minutes(5)))
struct PingTests {
    /// Waits until somebody asks this agent.
    private func request(_ access: Access, _ agent: AgentID) async throws -> PingRequest {
        while true {
            if let found = try await access.waitingPings().first(where: { $0.agent == agent }) { return found }
            await Task.yield()
        }
    }

    private var patient: AccessOptions {
        var options = AccessOptions()
        options.pingPatience = .seconds(60)
        return options
    }

    @Test("the node that holds the link answers for another one", arguments: Driver.available)
    func answered(_ driver: Driver) async throws {
        try await World.with(driver, patient) { world in
            let agent = try await world.agent()
            try await agent.attach(node: "b")
            let second = Access(
                database: world.database, hasher: world.access.hasher, node: "b", options: patient,
                logger: World.logger)
            let events = world.database.events()
            async let outcome = world.access.ping(agent.id)
            let asked = try await request(second, agent.id)
            try await second.answer(asked.id, PingAnswer(roundTrip: .microseconds(1250)), node: "b")
            #expect(try await outcome == .pong(roundTrip: .microseconds(1250), node: "b"))
            #expect(try await second.waitingPings().isEmpty, "it was answered")
            // A second answer comes from a link that somebody has replaced.
            try await second.answer(asked.id, PingAnswer(roundTrip: .seconds(1)), node: "a")
            let row = try await world.database.run(PingTable.read(asked.id))[0]
            #expect(try row.text("node") == "b")
            for await event in events {
                if case .pings(let agents) = event {
                    #expect(agents == [agent.id])
                    break
                }
            }
        }
    }

    @Test(
        "an agent's log comes by the same way, without what moves a cursor; an older one says none",
        arguments: Driver.available)
    func log(_ driver: Driver) async throws {
        try await World.with(driver, patient) { world in
            let agent = try await world.agent()
            #expect(try await world.access.log(of: agent.id) == .offline(lastSeen: nil))
            try await agent.attach(node: "b")
            async let outcome = world.access.log(of: agent.id, lines: 2)
            let asked = try await request(world.access, agent.id)
            #expect(asked.logLines == 2)
            let lines = ["zero", "one \u{1b}[2J\u{9b}31m\ntwo", "three\r" + String(repeating: "x", count: 5000)]
            try await world.access.answer(asked.id, PingAnswer(roundTrip: .zero, log: lines), node: "b")
            let long = "three " + String(repeating: "x", count: 594)
            #expect(try await outcome == .lines(["one  [2J 31m two", long], node: "b"))

            async let second = world.access.log(of: agent.id)
            let again = try await request(world.access, agent.id)
            try await world.access.answer(again.id, PingAnswer(roundTrip: .zero), node: "b")
            #expect(try await second == .untold(version: "1"))
            #expect(try await second.refusal?.contains("knocknoc-agent 1 does not tell") == true)
        }
    }

    @Test("what somebody changed by hand is audited, once a minute", arguments: Driver.available)
    func drift(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            try await scene.agent.report()
            #expect(try await !world.actions().contains("agent.drift"))
            for _ in 1...2 { try await scene.agent.report(drift: .init(added: 3, removed: 1)) }
            let lines = try await world.access.listAudit(limit: 1000).filter { $0.action == "agent.drift" }
            #expect(lines.count == 1)
            #expect(lines.first?.details["put back"] == "3" && lines.first?.details["taken away"] == "1")
        }
    }

    @Test("pings that nobody answers stand before no other", arguments: Driver.available)
    func crowd(_ driver: Driver) async throws {
        try await World.with(driver, patient) { world in
            let silent = try await world.agent()
            let agent = try await world.agent("gw2")
            var asked: [PingID] = []
            for one in [silent, silent, silent, silent, agent] {
                let ping = PingID.new(at: SystemTime.now())
                try await world.write(PingTable.ask(ping, of: one.id, logLines: nil))
                asked.append(ping)
            }
            let waiting = try await world.access.waitingPings(page: 2)
            #expect(waiting.map(\.id) == asked.sorted() && waiting.contains { $0.agent == agent.id })
        }
    }

    @Test("an agent without a link is not asked", arguments: Driver.available)
    func offline(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            #expect(try await world.access.ping(agent.id) == .offline(lastSeen: nil))
            try await agent.attach()
            try await world.access.detach(agent: agent.id, linkEpoch: await agent.epoch)
            let seen = try await world.access.agent(agent.id).lastSeenAt
            #expect(seen != nil)
            #expect(try await world.access.ping(agent.id) == .offline(lastSeen: seen))
            #expect(try await world.access.waitingPings().isEmpty)
            #expect(await code { _ = try await world.access.ping(AgentID(value: 9)) } == .notFound)
        }
    }

    @Test("what nobody answers in time is silence, and is swept", arguments: Driver.available)
    func silent(_ driver: Driver) async throws {
        var options = AccessOptions()
        options.pingPatience = .milliseconds(300)
        try await World.with(driver, options) { world in
            let agent = try await world.agent()
            try await agent.attach()
            #expect(try await world.access.ping(agent.id) == .silent)
            #expect(try await world.access.waitingPings().isEmpty, "nobody waits any more")
            let count = Statement("select count(*) as n from agent_pings")
            try await world.access.prune()
            #expect(try await world.database.run(count)[0].integer("n") == 1)
            try await world.write(Statement("update agent_pings set asked_at = asked_at - 61000000"))
            try await world.access.prune()
            #expect(try await world.database.run(count)[0].integer("n") == 0)
        }
    }

    @Test("a resync answers the agent's position by a snapshot, once", arguments: Driver.available)
    func resync(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            try await agent.sync()
            let before = await agent.position
            guard case .delta = try await world.access.stream(agent: agent.id, after: before) else {
                Issue.record("an agent at the newest position lacks nothing")
                return
            }
            _ = try await world.access.resync(agent.id, by: world.root, world.context())
            guard case .snapshot(let rows, let diverged) = try await world.access.stream(agent: agent.id, after: before)
            else {
                Issue.record("the old position still counts")
                return
            }
            #expect(!diverged)
            guard case .delta = try await world.access.stream(agent: agent.id, after: rows.position) else {
                Issue.record("the new position does not count")
                return
            }
            #expect(try await world.actions().contains("agent.resync"))
        }
    }
}
