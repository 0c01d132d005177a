import Foundation
import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import NIOConcurrencyHelpers
import NIOHTTP1
import Testing

@testable import KnocknocAgent

@Suite("an agent and a server", .timeLimit(.minutes(1)))
struct AgentTests {
    /// Brings an agent to the point where one address is open until `ttl` from the hello's stamp.
    private func open(_ link: FakeLink, ttl: Int64 = 60_000) async throws {
        try await link.greet()
        try link.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [Scene.row(2, ttl: ttl)])
        await link.waitApplied(2)
    }

    @Test("a grant goes to the kernel with its deadline and is confirmed")
    func grant() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        let clocks = DrivenClocks()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            let link = try await server.link()
            try await open(link)
            #expect(enforcer.members == [Scene.key: BootTime(milliseconds: 160_000)])
            #expect(link.applied.last?.failures == [])
            #expect(link.applied.last?.linkEpoch == 7)
            #expect(server.heads.withLockedValue { $0.first?.uri } == "/agent/v1/link")
        }
        await server.kill()
    }

    @Test("a target of a backend that this agent does not know fails alone; the others are enforced")
    func unknownBackend() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        let composite = CompositeEnforcer(nftables: enforcer)
        try await withAgent(scene.configuration(server), enforcer: composite, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await link.greet()
            let moat = Backend.unknown(UnknownBackend(json: .object(["type": .text("moat")])))
            let foreign = TargetDefinition(
                id: TargetID(value: 77), backend: moat, confirmed: true, purpose: .enforce)
            try link.snapshot(
                Scene.position(2), targets: [TargetRow(definition: foreign, revision: 2), Scene.guardRow()],
                entries: [Scene.row(2, ttl: 60_000)])
            await link.waitApplied(2)
            #expect(enforcer.members.keys.contains(Scene.key))
            #expect(
                link.applied.last?.failures == [
                    Failure(
                        target: foreign.id, entry: nil, reason: #"this agent does not know backend "moat"; update it"#)
                ])
        }
        await server.kill()
        // Kept as it came, for the release that knows it.
        guard case .state(let state) = try StateFile(path: scene.stateFile).read() else {
            Issue.record("no state file")
            return
        }
        #expect(state.targets.contains { $0.definition.backend.targetKey == "unknown moat" })
    }

    @Test("a removal is confirmed only when the file grants it no more")
    func removal() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await open(link)
            try link.changes(Scene.position(2), Scene.position(3), entries: [Scene.row(3, ttl: nil)])
            await link.waitApplied(3)
            #expect(enforcer.members.isEmpty)
            guard case .state(let state) = try StateFile(path: scene.stateFile).read() else {
                Issue.record("no state file when the removal was confirmed")
                return
            }
            #expect(state.entries.isEmpty)
            #expect(state.removals.keys.contains(Scene.entry))
        }
        await server.kill()
    }

    @Test("nobody waits for another's flows to be cut; what is done is told in order")
    func slowCut() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await open(link)
            enforcer.cutSlowly(Scene.alice)
            try link.changes(Scene.position(2), Scene.position(3), entries: [Scene.row(3, ttl: nil)])
            let bob = EntryRow(
                id: EntryID(value: 7), target: Scene.target, address: .v4(0xc000_020b), revision: 4, ttl: 60_000)
            try link.changes(Scene.position(3), Scene.position(4), entries: [bob])
            await enforcer.changes.wait("Bob in the kernel") {
                enforcer.members.keys.map(\.address) == [bob.address]
            }
            #expect(!link.applied.contains { $0.revision > 2 })
            // What is about Alice's address again waits for its turn.
            try link.changes(Scene.position(4), Scene.position(5), entries: [Scene.row(5, ttl: 60_000)])
            try link.send(.ping(.init(id: "after")))
            enforcer.cutSlowly(nil)
            await link.waitApplied(5)
            #expect(Set(enforcer.members.keys.map(\.address)) == [Scene.alice, bob.address])
            let revisions = link.applied.map(\.revision)
            #expect(revisions == revisions.sorted())
        }
        await server.kill()
    }

    @Test("a removal that cannot be written is confirmed once the file is gone")
    func unwritableRemoval() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await open(link)
            try FileManager.default.createDirectory(atPath: scene.stateFile + ".new", withIntermediateDirectories: true)
            try link.changes(Scene.position(2), Scene.position(3), entries: [Scene.row(3, ttl: nil)])
            await link.waitApplied(3)
            #expect(!FileManager.default.fileExists(atPath: scene.stateFile))
            try FileManager.default.removeItem(atPath: scene.stateFile + ".new")
        }
        await server.kill()
    }

    @Test("after a restart without a server an entry has what is left of its time, before anybody is dialed")
    func restart() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let clocks = DrivenClocks()
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: clocks) {
            try await open(try await server.link())
        }
        await server.kill()
        clocks.advance(milliseconds: 20_000)
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            await enforcer.changes.wait("the reconciliation") { !enforcer.members.isEmpty }
            #expect(enforcer.members == [Scene.key: BootTime(milliseconds: 160_000)])
            #expect(enforcer.events.first == .defined([Scene.target]))
        }
    }

    @Test("what was not written yet is written when the agent stops")
    func lastWrite() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: DrivenClocks()) {
            let link = try await server.link()
            try await open(link)
            // An addition's write waits for a clock that stands still here.
            try link.changes(Scene.position(2), Scene.position(3), entries: [Scene.row(3, ttl: 90_000)])
            await link.waitApplied(3)
        }
        await server.kill()
        guard case .state(let state) = try StateFile(path: scene.stateFile).read() else {
            Issue.record("no state file")
            return
        }
        #expect(state.position == Scene.position(3))
        #expect(state.entries[Scene.entry]?.deadline == BootTime(milliseconds: 190_000))
    }

    @Test("what ended while the agent was away does not come back")
    func endedMeanwhile() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let clocks = DrivenClocks()
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: clocks) {
            try await open(try await server.link())
        }
        await server.kill()
        clocks.advance(milliseconds: 60_000)
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            await enforcer.changes.wait("the reconciliation") {
                enforcer.events.contains { if case .reconciled = $0 { true } else { false } }
            }
            #expect(enforcer.members.isEmpty)
            #expect(enforcer.targets.keys.contains(Scene.target))
        }
    }

    @Test(
        "after a reboot entries come back only by a clock that can be believed",
        arguments: [(true, 30_000, 60_000 - 30_000), (false, 30_000, 0), (true, -5000, 0)] as [(Bool, Int64, Int64)])
    func reboot(synchronised: Bool, passed: Int64, left: Int64) async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let before = DrivenClocks()
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: before) {
            try await open(try await server.link())
        }
        await server.kill()
        let after = DrivenClocks(
            bootID: "boot-2", bootMilliseconds: 7000, wallMilliseconds: 1_800_000_000_000 + passed,
            synchronised: synchronised)
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: after) {
            await enforcer.changes.wait("the reconciliation") {
                enforcer.events.contains { if case .reconciled = $0 { true } else { false } }
            }
            #expect(enforcer.members == (left > 0 ? [Scene.key: BootTime(milliseconds: 7000 + left)] : [:]))
            // The guard itself is there in any case.
            #expect(enforcer.targets.keys.contains(Scene.target))
        }
    }

    @Test("an entry ends by the agent's own clock, with the server away")
    func expiry() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        let clocks = DrivenClocks()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            try await open(try await server.link(), ttl: 5000)
            await server.kill()
            await enforcer.changes.wait("the end") {
                if clocks.boot().milliseconds < 105_000 { clocks.advance(milliseconds: 100) }
                return enforcer.members.isEmpty
            }
            #expect(clocks.boot().milliseconds == 105_000)
        }
    }

    @Test("after a suspend what ended goes, and everything is applied again")
    func suspend() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        let clocks = DrivenClocks()
        let log = RecordedLog()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks, log: log) {
            try await open(try await server.link())
            let count = enforcer.events.count
            clocks.suspend(milliseconds: 30_000)
            await enforcer.changes.wait("the repeated reconciliation") {
                clocks.advance(milliseconds: 10)
                return enforcer.events.dropFirst(count).contains { if case .reconciled = $0 { true } else { false } }
            }
            #expect(enforcer.members == [Scene.key: BootTime(milliseconds: 160_000)])
        }
        #expect(log.text.contains("suspended"))
        await server.kill()
    }

    @Test("what somebody emptied in the kernel is put back at once")
    func disturbance() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let (enforcer, log) = (RecordingEnforcer(), RecordedLog())
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: DrivenClocks(), log: log) {
            try await open(try await server.link())
            enforcer.emptyBySomebody()
            enforcer.disturbed(.guardRestored)
            await enforcer.changes.wait("the repair") { !enforcer.members.isEmpty }
            #expect(enforcer.members == [Scene.key: BootTime(milliseconds: 160_000)])
        }
        #expect(log.text.contains("was mended added=1 removed=0"), "\(log.text)")
        await server.kill()
    }

    @Test("what was put right is told once, with no link as soon as there is one")
    func drift() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        @Sendable func drifts(_ link: FakeLink) -> [AgentMessage.Drift] {
            link.received.compactMap { if case .applied(let applied) = $0 { applied.drift } else { nil } }
        }
        func disturb() async {
            enforcer.emptyBySomebody()
            enforcer.disturbed(.guardRestored)
            await enforcer.changes.wait("the repair") { !enforcer.members.isEmpty }
        }
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: try SystemClocks()) {
            let first = try await server.link(0)
            try await open(first)
            #expect(drifts(first).isEmpty)
            await disturb()
            await first.changes.wait("the report") { !drifts(first).isEmpty }
            #expect(drifts(first) == [.init(added: 1, removed: 0)])
            first.close()
            let second = try await server.link(1)
            // Nothing is reported before the link's copy is in line.
            await disturb()
            await disturb()
            try await second.greet()
            try second.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [Scene.row(2, ttl: 60_000)])
            await second.waitApplied(2)
            #expect(drifts(second) == [.init(added: 2, removed: 0)])
        }
        await server.kill()
    }

    @Test("a guard on trial is counted, and taken back when nobody confirms it")
    func trial() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        let clocks = DrivenClocks()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(Scene.position(2), targets: [Scene.guardRow(confirmed: false)], entries: [])
            await link.waitApplied(2)
            #expect(enforcer.targets[Scene.target]?.purpose == .enforce)
            #expect(
                link.received.contains {
                    if case .trial(let trial) = $0 { trial.state == .started && trial.flows == 2 } else { false }
                })
            await enforcer.changes.wait("the reversal") {
                clocks.advance(milliseconds: 2000)
                return enforcer.targets[Scene.target]?.purpose == .unguard
            }
            #expect(clocks.boot().milliseconds >= 160_000)
        }
        await server.kill()
    }

    @Test("a target that fails is reported in the kernel's words, and its health says so")
    func failure() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        enforcer.fail(Scene.target, "set inet filter allowed: No such file or directory")
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await open(link)
            #expect(link.applied.last?.failures.contains { $0.reason.contains("No such file") } == true)
        }
        await server.kill()
    }

    @Test("the dry-run backend says dry run and never open")
    func dryRun() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        var configuration = try scene.configuration(server)
        configuration.backend = .dryRun
        try await withAgent(configuration, enforcer: CompositeEnforcer(nftables: nil), clocks: DrivenClocks()) {
            let link = try await server.link()
            try await open(link)
            #expect(link.applied.last?.dryRun == [Scene.target])
            #expect(link.applied.last?.failures == [])
        }
        await server.kill()
    }

    @Test("without the right to change the firewall every target fails with the reason")
    func unavailable() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = CompositeEnforcer(nftables: UnavailableEnforcer(reason: "needs CAP_NET_ADMIN"))
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await open(link)
            #expect(link.applied.last?.failures.contains { $0.reason == "needs CAP_NET_ADMIN" } == true)
            #expect(link.applied.last?.dryRun == [])
        }
        await server.kill()
    }
}
