import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("one address for two HAProxy machines") struct KeepalivedTests {
        @Test("keepalived has nothing to say against what docs/high-availability.md shows")
        func syntax() async throws {
            let shown = try #require(try Page("high-availability.md").blocks("keepalived").first)
            let folder = try Lab.temporaryFolder("keepalived")
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("keepalived.conf")
            try Data(shown.replacingOccurrences(of: "192.0.2.", with: "10.77.0.").utf8).write(to: file)
            let network = Network()
            let host = try await network.host("l", 40)
            let result = try await Shell.run(host.inside(["keepalived", "--config-test", "--use-file", file.path]))
            await network.remove()
            #expect(result.status == 0 && (result.text + result.errors).isEmpty, "\(result)")
        }
    }
}
