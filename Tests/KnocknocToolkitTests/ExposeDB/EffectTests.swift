import Foundation
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

extension ExposeDBSuite {
    @Suite("exposedb says what its changes come to")
    struct EffectTests {
        private static let here = CIDR(.v4(0x7f00_0001))

        @Test("who is removed and still gets in by another line is named with it")
        func stillIn() async throws {
            let hba = "local all all trust\nhost all all 127.0.0.0/8 scram-sha-256\nhost all all 10.0.0.0/8 reject\n"
            let cluster = try await TestCluster(hba: Array(hba.utf8))
            let string = try #require(try await cluster.expose(.initialize).connectionString)
            let other = try CIDR(parsing: "10.1.0.0/16")
            try await cluster.expose(.add([Self.here, other]))
            let outcome = try await cluster.expose(.remove([Self.here, other]))
            #expect(outcome.changed && outcome.removed?.map(\.allowed) == [true, false], "\(outcome.lines)")
            let said = outcome.lines.joined(separator: "\n")
            #expect(said.contains("Our line for 127.0.0.1/32 is gone, and yet:"))
            #expect(
                said.contains("line 2 of \(cluster.hbaPath)") && said.contains("127.0.0.0/8 scram-sha-256"), "\(said)")
            #expect(said.contains("10.1.0.0/16 may not use the database any more"))
            #expect(try outcome.json().contains("\"removed\""))
            // And so it is.
            #expect(try await TestCluster.ask(try DatabaseURL(string).location, "select 1;") == "1")
        }

        @Test("a preview does not show passwords of other lines")
        func preview() async throws {
            let line =
                "host other all 10.0.0.0/8 ldap ldapserver=x ldapbinddn=y ldapbindpasswd=\"s3cret word\" ldapbasedn=z"
            let cluster = try await TestCluster(hba: Array("local all all trust\n\(line)\n".utf8))
            try await cluster.expose(.initialize)
            let outcome = try await cluster.expose(.add([Self.here])) { $0.isDryRun = true }
            let shown = outcome.lines.joined(separator: "\n")
            #expect(
                shown.contains("+hostssl") && shown.contains("ldapserver=x") && !shown.contains("s3cret"), "\(shown)")
            #expect(try !outcome.json().contains("s3cret"))
            try await cluster.expose(.add([Self.here]))
            #expect(String(decoding: try cluster.hba(), as: UTF8.self).contains(line))
        }

        @Test("a database's name with quotes, dollars and slashes is only a name")
        func oddName() async throws {
            let cluster = try await TestCluster()
            let name = #"odd$do$ '"/x"#
            let quoted = try SQLText.identifier(name)
            try await cluster.sql("create database \(quoted) owner knocknoc_owner", database: "postgres")
            let url = cluster.url(URLText.encoded(name), user: "postgres")
            try await cluster.migrate(url)
            let string = try await cluster.expose(.initialize) { $0.connection = url }.connectionString
            try await cluster.expose(.add([Self.here])) { $0.connection = url }
            let location = try DatabaseURL(try #require(string)).location
            #expect(try await TestCluster.ask(location, "select current_database();") == name)
            let found = try await LocalCluster(
                PostgresSocket(folder: cluster.folder, port: cluster.port), database: name)
            for text in [found.url, found.socketURL] {
                #expect(try DatabaseURL(text).places().first?.database == name, "\(text)")
            }
            try await cluster.expose(.disable) { $0.connection = url }
        }

        @Test("a pg_hba.conf that is a link to somebody else's file is not touched")
        func link() async throws {
            let cluster = try await TestCluster()
            try await cluster.expose(.initialize)
            let secret = cluster.folder + "/roots"
            try SystemFile(secret).replace(with: "local all all trust\n", attributes: .init(mode: 0o644))
            try FileManager.default.removeItem(atPath: cluster.hbaPath)
            try FileManager.default.createSymbolicLink(atPath: cluster.hbaPath, withDestinationPath: secret)
            let error = await #expect(throws: SystemError.self) { try await cluster.expose(.add([Self.here])) }
            #expect(
                error?.code == .invalid && error?.message.contains("belongs to root") == true,
                "\(String(describing: error))")
            #expect(try SystemFile(secret).text() == "local all all trust\n")
            // The cluster's own file may lie elsewhere.
            #expect(chown(secret, try SystemFile(cluster.data).attributes()?.owner ?? 0, 0) == 0)
            #expect(try await cluster.expose(.add([Self.here])).changed)
            #expect(try SystemFile(secret).text()?.contains("127.0.0.1/32") == true)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: cluster.hbaPath) == secret)
        }

        @Test("where a cluster that was here before can be reached from others is known before it is used")
        func exposure() async throws {
            let hba = "local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all 0.0.0.0/0 scram-sha-256\n"
            let cluster = try await TestCluster(hba: Array(hba.utf8), settings: ["listen_addresses": "localhost"])
            func exposure() async throws -> LocalPostgres.Exposure? {
                try await LocalPostgres.exposure(
                    of: LocalCluster(PostgresSocket(folder: cluster.folder, port: cluster.port), database: "postgres"))
            }
            #expect(try await exposure() == nil)
            try await cluster.expose(.initialize)
            let open = try #require(try await exposure())
            #expect(open.addresses.contains("0.0.0.0") && open.openings.isEmpty, "\(open)")
            try cluster.write(Array((hba + "host all all 10.0.0.0/8 trust\n").utf8), to: cluster.hbaPath)
            // The line before it decides for all of IPv4.
            #expect(try await exposure()?.openings.isEmpty == true)
            try cluster.write(Array(("host all all 10.0.0.0/8 trust\n" + hba).utf8), to: cluster.hbaPath)
            #expect(try await exposure()?.openings.first?.contains("line 1 of") == true)
        }
    }
}
