import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("which of an agent's instances is linked", .timeLimit(.minutes(5)))
struct DuplicateTests {
    private static let address = IPAddress("198.51.100.7")

    private func attach(
        _ world: World, _ agent: AgentID, _ instance: String, key: String = "c2lnbmluZw=="
    ) async throws -> KnocknocAccess.Attachment {
        var hello = FakeAgent.hello(key: key)
        hello.instance = instance
        return try await world.access.attach(agent: agent, hello: hello, node: "a", from: Self.address)
    }

    private func duplicates(_ world: World) async throws -> [AuditRecord] {
        try await world.access.listAudit(limit: 1000).filter { $0.action == "agent.duplicate" }
    }

    private func options(_ patience: Duration) -> AccessOptions {
        var options = AccessOptions()
        options.pingPatience = .seconds(60)
        options.duplicatePatience = patience
        return options
    }

    @Test(
        "a second instance is refused while the first answers over its link, and that is audited and shown",
        arguments: Driver.available)
    func refused(_ driver: Driver) async throws {
        try await World.with(driver, options(.seconds(60))) { world in
            let agent = try await world.agent()
            guard case .accepted(let epoch) = try await attach(world, agent.id, "one") else { throw Unexpected() }
            for _ in 0..<2 {
                async let second = attach(world, agent.id, "two")
                while true {
                    if let asked = try await world.access.waitingPings().first {
                        try await world.access.answer(asked.id, PingAnswer(roundTrip: .milliseconds(1)), node: "a")
                        break
                    }
                    await Task.yield()
                }
                #expect(try await second == .duplicate)
            }
            let record = try await world.access.agent(agent.id)
            #expect(record.status == .duplicate && record.duplicateAddress == "198.51.100.7")
            let lines = try await duplicates(world)
            #expect(lines.count == 1, "a minute has not passed")
            #expect(lines.first?.details["reason"] == "duplicate agent id from 198.51.100.7")
            #expect(lines.first?.address == Self.address)
            world.clock.advance(seconds: 121)
            try await world.access.presence([agent.id: epoch], node: "a")
            #expect(try await world.access.agent(agent.id).status == .online)
            #expect(try await world.access.agent(agent.id).duplicateAddress == nil)
        }
    }

    @Test(
        "a link that is silent, ended or of the same instance gives way; the third change within a minute tells of two",
        arguments: Driver.available)
    func replaced(_ driver: Driver) async throws {
        try await World.with(driver, options(.milliseconds(50))) { world in
            let agent = try await world.agent()
            func accepted(_ instance: String) async throws -> Int64 {
                guard case .accepted(let epoch) = try await attach(world, agent.id, instance) else {
                    throw Unexpected()
                }
                return epoch
            }
            var epoch = try await accepted("one")
            // It ended each time before it began anew: that is one process after the other.
            for instance in ["two", "three", "four", "five"] {
                try await world.access.detach(agent: agent.id, linkEpoch: epoch)
                epoch = try await accepted(instance)
            }
            // The same process by another way, as often as it likes.
            for _ in 0..<4 { epoch = try await accepted("five") }
            for instance in ["six", "five"] { epoch = try await accepted(instance) }
            #expect(try await world.access.agent(agent.id).status == .online)
            #expect(try await duplicates(world).isEmpty)
            epoch = try await accepted("six")
            #expect(try await world.access.agent(agent.id).status == .duplicate)
            #expect(try await duplicates(world).count == 1)
            #expect(
                try await attach(world, agent.id, "six", key: "b3RoZXI=") != .duplicate,
                "another key is refused as such")
        }
    }

    @Test("replacements further apart than a minute are nobody's twin", arguments: Driver.available)
    func apart(_ driver: Driver) async throws {
        try await World.with(driver, options(.milliseconds(50))) { world in
            let agent = try await world.agent()
            for instance in ["one", "two", "one", "two", "one"] {
                guard case .accepted = try await attach(world, agent.id, instance) else { throw Unexpected() }
                world.clock.advance(seconds: 31)
            }
            #expect(try await duplicates(world).isEmpty)
        }
    }

    @Test("the late clean-up of an old link does not mark the new one offline", arguments: Driver.available)
    func lateCleanUp(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            try await agent.attach(node: "b")
            let old = await agent.epoch
            try await agent.attach(node: "a")
            try await world.access.detach(agent: agent.id, linkEpoch: old)
            let record = try await world.access.agent(agent.id)
            #expect(record.status == .online && record.node == "a")
            try await world.access.presence([agent.id: old], node: "b")
            #expect(try await world.access.agent(agent.id).node == "a", "the old link is heard of no more")
            try await world.access.detach(agent: agent.id, linkEpoch: await agent.epoch)
            #expect(try await world.access.agent(agent.id).status == .offline)
        }
    }

    @Test(
        "who was heard of before its link's end was written down is not online by that; a link that the store lost is",
        arguments: Driver.available)
    func lateNote(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agents = [try await world.agent("gw1"), try await world.agent("gw2"), try await world.agent("gw3")]
            for agent in agents { try await agent.attach(node: "b") }
            let second = world.secondNode()
            func epochs() async -> [AgentID: Int64] {
                var epochs: [AgentID: Int64] = [:]
                for agent in agents { epochs[agent.id] = await agent.epoch }
                return epochs
            }
            func statuses() async throws -> [AgentStatus] {
                var statuses: [AgentStatus] = []
                for agent in agents { statuses.append(try await world.access.agent(agent.id).status) }
                return statuses
            }
            // What node b gathers stands before the end of one link in time, and comes after it.
            let gathered = await epochs()
            try await second.detach(agent: agents[0].id, linkEpoch: await agents[0].epoch)
            world.clock.advance(seconds: 5)
            try await second.presence(gathered, node: "b")
            #expect(try await statuses() == [.offline, .online, .online])
            // One has moved to node a meanwhile: what b still says of it counts for nothing, its end neither.
            try await agents[1].attach(node: "a")
            world.clock.advance(seconds: 5)
            try await second.presence(gathered, node: "b")
            try await second.detach(agent: agents[1].id, linkEpoch: gathered[agents[1].id] ?? 0)
            #expect(try await statuses() == [.offline, .online, .online])
            #expect(try await world.access.agent(agents[1].id).node == "a")
            // A failover has lost the beginning of the third link, and knows the end of the one before it.
            try await world.write(
                Statement(
                    "update agent_links set epoch = epoch - 1, node = 'c', closed_at = last_seen_at where agent_id = $1",
                    agents[2].id))
            #expect(try await statuses()[2] == .offline)
            world.clock.advance(seconds: 5)
            try await second.presence(gathered, node: "b")
            #expect(try await statuses()[2] == .online)
            #expect(try await world.access.agent(agents[2].id).node == "b")
            try await second.detach(agent: agents[2].id, linkEpoch: await agents[2].epoch)
            #expect(try await statuses()[2] == .offline)
        }
    }

    @Test("a note of who was heard of may be as long as a node has links", arguments: Driver.available)
    func longNote(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            var epochs: [AgentID: Int64] = [:]
            for number in 0..<300 {
                let id = AgentID.new(at: SystemTime.now())
                epochs[id] = Int64(number + 1)
                try await world.write(
                    AgentTable.insert(
                        id, name: "gw\(number)", key: "gw\(number)", zone: nil, embedded: false,
                        token: Secret.hash("\(number)"), change: "c", now: SystemTime.now()),
                    Statement(
                        """
                        insert into agent_links (agent_id, epoch, instance, node, software, machine, system, capabilities,
                            connected_at, last_seen_at)
                        values ($1, $2, 'i', 'b', '1', 'm', 's', '{}', 1, 1)
                        """, id, epochs[id] ?? 0))
            }
            try await world.access.presence(epochs, node: "b")
            let late = Statement("select count(*) as n from agent_links where last_seen_at = 1")
            #expect(try await world.database.run(late)[0].integer("n") == 0)
        }
    }

    @Test("silence makes a linked agent stale after 15 s and offline after 30 s", arguments: Driver.available)
    func silence(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            #expect(try await world.access.agent(agent.id).status == .pending)
            try await agent.attach()
            #expect(try await world.access.agent(agent.id).status == .online)
            world.clock.advance(seconds: 16)
            #expect(try await world.access.agent(agent.id).status == .stale)
            world.clock.advance(seconds: 15)
            #expect(try await world.access.agent(agent.id).status == .offline)
            try await world.access.presence([agent.id: await agent.epoch], node: "a")
            #expect(try await world.access.agent(agent.id).status == .online)
        }
    }

    @Test(
        "an agent of an older release, or with an older protocol alone, is outdated and linked",
        arguments: Driver.available)
    func outdated(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            var hello = FakeAgent.hello()
            hello.version = "0.0.9"
            _ = try await world.access.attach(agent: agent.id, hello: hello, node: "a")
            let record = try await world.access.agent(agent.id)
            #expect(record.status == .outdated && record.isLinked)
            hello.version = "99.0"
            _ = try await world.access.attach(agent: agent.id, hello: hello, node: "a")
            #expect(try await world.access.agent(agent.id).status == .online)
            try await world.write(Statement("update agent_links set protocol = 0"))
            #expect(try await world.access.agent(agent.id).status == .outdated)
        }
    }
}

private struct Unexpected: Error {}
