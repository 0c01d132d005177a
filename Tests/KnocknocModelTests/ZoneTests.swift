import Foundation
import KnocknocModel
import Testing

@Suite("zones")
struct ZoneTests {
    @Test(
        "a Knoc's zones: none is all, exclusions win, and only exclusions is everywhere but there",
        arguments: [
            ([], "zone1", true), (["zone1", "zone2"], "zone1", true), (["zone1", "zone2"], "zone3", false),
            (["!zone1", "zone2"], "zone1", false), (["!zone1", "zone2"], "zone2", true), (["!zone1"], "zone2", true),
            (["!zone1"], "zone1", false), (["!zone1", "zone2"], "zone3", false), (["Zone1"], "zone1", true),
            (["zone1", "!zone1"], "zone1", false), (["!zone1"], nil, true), (["zone1"], nil, false),
        ] as [([String], String?, Bool)])
    func admits(_ terms: [String], _ zone: String?, _ expected: Bool) throws {
        #expect(try ZoneSelection(terms).admits(zone: zone, isEdge: false) == expected)
    }

    @Test("<edge> is the agents that serve allow lists themselves, in whichever zone")
    func edge() throws {
        let only = try ZoneSelection(["<edge>"])
        #expect(only.admits(zone: "a", isEdge: true) && !only.admits(zone: "a", isEdge: false))
        let but = try ZoneSelection(["!<edge>"])
        #expect(!but.admits(zone: nil, isEdge: true) && but.admits(zone: nil, isEdge: false))
        let both = try ZoneSelection(["<edge>", "!a"])
        #expect(!both.admits(zone: "a", isEdge: true) && both.admits(zone: "b", isEdge: true))
    }

    @Test(
        "what is no zone's name is refused by the field's name",
        arguments: ["", " ", "!", "!!a", "<edges>", "*", "a\u{7}b"])
    func wrong(_ term: String) {
        do {
            _ = try ZoneSelection([term])
            Issue.record("taken: \(term)")
        } catch {
            #expect(error.message.hasPrefix("zones: "))
        }
    }

    private static func agent(
        _ id: UInt128, _ zone: String? = "a", heard: Bool = true, entries: Int64 = 0, member: Bool = true,
        edge: Bool = false
    ) -> ZonedAgent {
        ZonedAgent(
            id: AgentID(value: id), zone: zone, isEdge: edge, isMember: member, isHeard: heard, entries: entries)
    }

    private static func plan(
        _ places: [EnforcementPlace], _ zones: [String] = [], _ placement: Placement = .all
    ) throws -> ZonePlan {
        ZonePlan(
            items: places.map { ZonePlan.Item(place: $0, key: "door") }, zones: try ZoneSelection(zones),
            placement: placement)
    }

    private func ids(_ spots: [ZonePlan.Spot], placed: Bool = true) -> [UInt128] {
        spots.filter { $0.isPlaced == placed }.map(\.agent.value)
    }

    @Test("a zone is all of its agents that have been in contact and are enabled; an agent by its name counts always")
    func expansion() throws {
        let agents = [
            Self.agent(1), Self.agent(2, "A"), Self.agent(3, "b"), Self.agent(4, nil, edge: true),
            Self.agent(5, member: false),
        ]
        #expect(try ids(Self.plan([.zone("a")]).spots(agents)) == [1, 2])
        #expect(try ids(Self.plan([.zone("*")]).spots(agents)) == [1, 2, 3, 4])
        #expect(try ids(Self.plan([.zone("*")], ["!a"]).spots(agents)) == [3, 4])
        #expect(try ids(Self.plan([.zone("<edge>")]).spots(agents)) == [4])
        #expect(try ids(Self.plan([.agent(AgentID(value: 5))]).spots(agents)) == [5])
        #expect(try ids(Self.plan([.agent(AgentID(value: 3))], ["a"]).spots(agents)).isEmpty, "the Knoc's zones")
        #expect(try ids(Self.plan([.agent(AgentID(value: 9))]).spots(agents)).isEmpty, "deleted")
    }

    @Test("one object stands on an agent once, whichever items name it")
    func once() throws {
        let plan = try Self.plan([.zone("a"), .agent(AgentID(value: 2))], [], .one)
        let spots = plan.spots([Self.agent(1), Self.agent(2)])
        #expect(spots.map(\.agent.value) == [1, 2])
        #expect(!spots.contains { !$0.isPlaced }, "the second one is named")
    }

    @Test("one of each zone is the one with the least to do; the others only close")
    func least() throws {
        let agents = [Self.agent(1, entries: 5), Self.agent(2, entries: 3), Self.agent(3, "b"), Self.agent(4, nil)]
        let spots = try Self.plan([.zone("*")], [], .one).spots(agents)
        #expect(ids(spots) == [2, 3, 4])
        #expect(ids(spots, placed: false) == [1])
    }

    @Test("whoever holds it keeps it while it is there, and gives way when it is not heard of any more")
    func sticky() throws {
        let plan = try Self.plan([.zone("a")], [], .one)
        let holding = ["door": Set([AgentID(value: 1)])]
        let busy = [Self.agent(1, entries: 100), Self.agent(2)]
        #expect(ids(plan.spots(busy, holding: holding, leavingSilent: true)) == [1])
        let silent = [Self.agent(1, heard: false), Self.agent(2)]
        #expect(ids(plan.spots(silent, holding: holding, leavingSilent: true)) == [2])
        #expect(ids(plan.spots(silent, holding: holding)) == [1], "not yet")
        let nobody = [Self.agent(1, heard: false), Self.agent(2, heard: false)]
        #expect(ids(plan.spots(nobody, holding: holding, leavingSilent: true)) == [1], "nobody is better")
        let disabled = [Self.agent(1, member: false), Self.agent(2)]
        #expect(ids(plan.spots(disabled, holding: holding)) == [2])
    }

    @Test("what closes without a server travels as what an older agent does not know, and keeps closed")
    func wrapped() throws {
        let guarded = Backend.nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [22]))
        let closing = ClosingBackend(guarded, closeAfterSeconds: 90)
        let bytes = try JSONEncoder().encode(closing)
        #expect(try JSONDecoder().decode(ClosingBackend.self, from: bytes) == closing)
        guard case .unknown(let unknown) = try JSONDecoder().decode(ForeignBackend.self, from: bytes).backend else {
            Issue.record("an older agent would keep it open")
            return
        }
        #expect(unknown.type == "close_after")
        let plain = try JSONEncoder().encode(ClosingBackend(guarded))
        #expect(try JSONDecoder().decode(Backend.self, from: plain) == guarded)
        let foreign = #"{"type":"close_after","seconds":-1,"backend":{"type":"dry-run"}}"#
        guard case .unknown = try JSONDecoder().decode(ClosingBackend.self, from: Data(foreign.utf8)).backend else {
            Issue.record("a negative time was taken")
            return
        }
    }
}
