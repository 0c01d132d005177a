import Foundation
import Glibc
import Lab
import Testing

extension WholeSystem {
    /// The commands of docs/backup.md for SQLite; those for Postgres are typed on whole hosts.
    @Suite("backup of a SQLite site") struct SQLiteBackupTests {
        @Test("made while the server runs; restored, who has signed out since stays out", .timeLimit(limit))
        func copy() async throws {
            try await Site.run(.allInOne) { site in
                let (data, backups) = (site.folder.path + "/data", site.folder.path + "/backups")
                try FileManager.default.createDirectory(atPath: backups, withIntermediateDirectories: true)
                let page = try Page("backup.md")
                func type(_ label: String) async throws {
                    // Here a service is a process of the test's, and its files are root's.
                    let lines = try page.blocks("sh " + label).joined().split(separator: "\n")
                        .filter { !$0.hasPrefix("systemctl ") }.joined(separator: "\n")
                        .replacing("/var/lib/knocknoc", with: data).replacing("/var/backups", with: backups)
                        .replacing("-o knocknoc -g knocknoc ", with: "")
                        .replacing("knocker ", with: "\(Lab.executable("knocknoc")) knocker ")
                        .replacing("end-sessions", with: "end-sessions --data-dir \(data)")
                    try await Shell.check(["bash", "-euo", "pipefail", "-c", lines])
                }
                let node = try #require(site.nodes.first)
                try await site.make(user: "alice", groups: [])
                let client = try node.client(on: site.alice)
                #expect(try await client.signIn("alice", Site.password).status == 200)
                try await type("sqlite")
                try await site.make(user: "later", groups: [])
                try await client.expect(204, "POST", "/api/v1/logout")

                await node.stop(SIGTERM)
                try await type("sqlite-restore")
                try await node.start()
                #expect(try await client.get("/api/v1/me").status == 401)
                #expect(try await client.signIn("alice", Site.password).status == 200)
                #expect(try await client.signIn("later", Site.password).status == 401)
            }
        }
    }
}
