import KnocknocProtocol
import Logging
import Testing

@testable import KnocknocHub

@Suite("Reports on their way to the store")
struct ReportRecorderTests {
    @Test("of several reports the newest is written, with what all of them have mended")
    func merged() async throws {
        let directory = HubTests.restingDirectory()
        let recorder = ReportRecorder(directory: directory, logger: Logger(label: "test"))
        for (revision, drift) in [
            (3, AgentMessage.Drift(added: 2, removed: 0)), (4, nil), (5, .init(added: 1, removed: 4)),
        ] {
            recorder.put(
                .init(linkEpoch: 1, revision: Int64(revision), failures: [], dryRun: [], drift: drift),
                agent: FakeAgent.id)
        }
        let running = Task { await recorder.run() }
        var reports = directory.recorded.makeAsyncIterator()
        let written = await reports.next()
        #expect(written?.revision == 5 && written?.drift == .init(added: 3, removed: 4))
        running.cancel()
    }
}
