import Foundation
import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocAgent

@Suite("an agent whose state file is damaged", .timeLimit(.minutes(2))) struct DamagedStateTests {
    enum Damage: CaseIterable { case torn, changed, unreadable }

    private func damage(_ scene: Scene, _ damage: Damage) throws {
        let entry = HeldEntry(
            target: Scene.target, address: Scene.alice, revision: 2, deadline: BootTime(milliseconds: 160_000))
        try StateFile(path: scene.stateFile).write(
            AgentState(
                agent: testAgent, boot: "boot-1", wall: Timestamp(microseconds: 1), time: BootTime(milliseconds: 5),
                position: Scene.position(2), targets: [Scene.guardRow()], entries: [Scene.entry: entry]))
        let url = URL(fileURLWithPath: scene.stateFile)
        var content = try Data(contentsOf: url)
        switch damage {
        case .torn: content = content.prefix(300)
        case .changed:
            // One digit: a later end.
            let place = try #require(content.firstRange(of: Data("160000".utf8)))
            content[place.lowerBound] = UInt8(ascii: "9")
        case .unreadable:
            try FileManager.default.removeItem(at: url)
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
            return
        }
        try content.write(to: url)
    }

    private func kernel() async -> RecordingEnforcer {
        let enforcer = RecordingEnforcer()
        let member = Member(target: Scene.target, address: Scene.alice, deadline: BootTime(milliseconds: 160_000))
        _ = await enforcer.apply([.open(member)])
        return enforcer
    }

    @Test(
        "leaves what the kernel has until a server has spoken, says so, and asks for everything",
        arguments: Damage.allCases)
    func damaged(_ damage: Damage) async throws {
        let scene = try Scene()
        defer { scene.clean() }
        try self.damage(scene, damage)
        let server = try await FakeServer.start()
        let (enforcer, clocks, log) = (await kernel(), DrivenClocks(), RecordedLog())
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks, log: log) {
            let link = try await server.link()
            enforcer.disturbed(.changed)
            clocks.advance(milliseconds: 20_000)
            let hello = try await link.greet()
            // Heartbeats go out by the same loop, after whatever the disturbance led to.
            await link.changes.wait("a heartbeat") {
                clocks.advance(milliseconds: 100)
                return !link.heartbeats.isEmpty
            }
            #expect(hello.position == nil)
            #expect(enforcer.members == [Scene.key: BootTime(milliseconds: 160_000)])
            #expect(enforcer.events.count == 1, "\(enforcer.events)")
            try link.snapshot(Scene.position(3), targets: [Scene.guardRow()], entries: [])
            await enforcer.changes.wait("the end") { enforcer.members.isEmpty }
            // A folder in the file's place stays, and no removal is confirmed beside it.
            if damage != .unreadable { await link.waitApplied(3) }
            await looksAgain(enforcer, clocks)
        }
        #expect(log.text.contains("StateFile: "), "\(log.text)")
        // What only that file knew is not said to be closed.
        #expect(log.text.contains("lists of HAProxy have let in stays"), "\(log.text)")
        await server.kill()
    }

    /// Whoever knows what is wanted looks after a disturbance.
    private func looksAgain(_ enforcer: RecordingEnforcer, _ clocks: DrivenClocks) async {
        let count = enforcer.events.count
        enforcer.disturbed(.changed)
        await enforcer.changes.wait("a look at the kernel") {
            clocks.advance(milliseconds: 10)
            return enforcer.events.dropFirst(count).contains { if case .reconciled = $0 { true } else { false } }
        }
    }

    @Test("after a suspend, in which the kernel's timeouts stood still, it lets nobody in")
    func suspended() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        try damage(scene, .torn)
        let server = try await FakeServer.start()
        let (enforcer, clocks) = (await kernel(), DrivenClocks())
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            _ = try await server.link()
            clocks.suspend(milliseconds: 30_000)
            await enforcer.changes.wait("the end") {
                clocks.advance(milliseconds: 10)
                return enforcer.members.isEmpty
            }
            await looksAgain(enforcer, clocks)
        }
        await server.kill()
    }
}
