import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("who is told")
struct AnnouncementTests {
    enum Change: String, CaseIterable, Sendable { case attach, detach, trial, disable, delete }

    @Test("an agent's users are told what changes their cards", arguments: Driver.available, Change.allCases)
    func agents(_ driver: Driver, _ change: Change) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let (access, id) = (world.access, scene.agent.id)
            let target = try #require(try await access.targets(of: id).first?.id)
            try await world.write(Statement("update targets set confirmed = 0 where id = $1", target))
            let epoch = await scene.agent.epoch
            let events = world.database.events()
            switch change {
            case .attach: try await scene.agent.attach()
            case .detach: try await access.detach(agent: id, linkEpoch: epoch)
            case .trial:
                let trial = AgentMessage.Trial(target: target, state: .reverted, flows: 0, sources: [], secondsLeft: 0)
                try await access.trial(agent: id, linkEpoch: epoch, trial: trial)
            case .disable:
                var patch = AgentPatch()
                patch.disabled = true
                _ = try await access.updateAgent(id, patch, by: world.root, world.context())
            case .delete: try await access.deleteAgent(id, by: world.root, world.context())
            }
            let marker = UserID.new(at: SystemTime.now())
            world.database.announce(.users([marker]))
            var told = false
            loop: for await event in events {
                switch event {
                case .everything, .reconnected:
                    told = true
                    break loop
                case .users(let users):
                    told = told || users.contains(scene.user)
                    if users.contains(marker) { break loop }
                case .agents, .pings: continue
                }
            }
            #expect(told)
        }
    }

    @Test("a card follows what nobody announced", .timeLimit(.minutes(5)), arguments: Driver.available)
    func silence(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            var updates = world.access.updates(for: scene.session).makeAsyncIterator()
            #expect(await updates.next()?.state == .open)
            try await world.write(Statement("update enforcements set outcome = 'pending'"))
            let next = await updates.next()
            #expect(next?.state == .pending)
        }
    }
}
