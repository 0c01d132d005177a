import Foundation
import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocAgent

@Suite("an agent that died while it cut flows", .timeLimit(.minutes(2))) struct OwedTests {
    @Test("cuts them at its next start, and confirms what comes after")
    func owed() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        try StateFile(path: scene.stateFile).write(
            AgentState(
                agent: testAgent, boot: "boot-1", wall: Timestamp(microseconds: 1), time: BootTime(milliseconds: 5),
                position: Scene.position(2), targets: [Scene.guardRow()],
                owed: [MemberKey(target: Scene.target, address: Scene.alice)]))
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await link.greet()
            try link.changes(Scene.position(2), Scene.position(3), entries: [Scene.row(3, ttl: 60_000)])
            await link.waitApplied(3)
            #expect(enforcer.members.keys.contains(Scene.key))
            let close = MemberChange.close(target: Scene.target, address: Scene.alice)
            #expect(enforcer.events.contains(.applied([close])), "\(enforcer.events)")
        }
        await server.kill()
    }
}
