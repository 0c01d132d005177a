import KnocknocModel
import KnocknocProtocol
import Logging
import Synchronization
import Testing

@testable import KnocknocHub

@Suite("who fetched lists from agents, as it is written")
struct FetchReportTests {
    static func fetched(_ count: Int) -> AgentMessage.Fetched {
        .init(fetches: [.init(list: .init(value: 1), key: .init(value: 2), address: .v4(0x0a00_0001), count: count)])
    }

    private static func reports(_ directory: FakeDirectory) -> FetchReports {
        FetchReports(directory: directory, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("an agent that tells of fetches without a pause is written once in a while, with the sum of it")
    func fetchPause() {
        let reports = Self.reports(HubTests.restingDirectory())
        let begin = ContinuousClock.now
        func due(_ seconds: Int, all: Bool = false) -> [AgentID: [Int]] {
            reports.due(at: begin + .seconds(seconds), all: all).reduce(into: [:]) {
                $0[$1.agent] = $1.report.fetches.map(\.count)
            }
        }
        let other = AgentID(value: 8)
        reports.put(Self.fetched(1), agent: FakeAgent.id)
        #expect(due(0) == [FakeAgent.id: [1]])
        for count in [2, 3, -4, 0] { reports.put(Self.fetched(count), agent: FakeAgent.id) }
        reports.put(Self.fetched(7), agent: other)
        #expect(due(49) == [other: [7]])
        #expect(due(50) == [FakeAgent.id: [5]])
        #expect(due(200) == [:])
        reports.put(Self.fetched(.max), agent: other)
        reports.put(Self.fetched(.max), agent: other)
        #expect(due(200) == [other: [.max]])
        reports.put(Self.fetched(1), agent: other)
        #expect(due(201) == [:] && due(201, all: true) == [other: [1]])
    }

    @Test("what could not be written is told again with the rest, and a node that stops tries it once for all agents")
    func failing() async {
        let directory = HubTests.restingDirectory()
        directory.state.withLock { $0.refusesFetches = true }
        let reports = Self.reports(directory)
        for number in 1...3 { reports.put(Self.fetched(number), agent: AgentID(value: UInt128(number))) }
        func tried() -> [Int] { directory.state.withLock { $0.fetched.flatMap(\.fetches).map(\.count) } }
        await reports.finish()
        #expect(tried() == [1])
        directory.state.withLock { $0.refusesFetches = false }
        reports.put(Self.fetched(10), agent: AgentID(value: 1))
        await reports.finish()
        #expect(tried() == [1, 11])
    }
}
