import Foundation
import KnocknocModel
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

extension ExposeDBSuite {
    @Suite("exposedb leaves what is there as it was where it fails")
    struct FailureTests {
        private static let other = CIDR(.v4(0xcb00_7107))

        private func failure(_ body: () async throws -> Void) async throws -> SystemError {
            do { try await body() } catch let error as SystemError { return error }
            throw LabError("it did not fail")
        }

        @Test("somebody's own strange lines are the same after init, add, remove and disable, and Postgres reads them as we do")
        func strange() async throws {
            let cluster = try await TestCluster()
            try cluster.write(Array("knocknoc\nother\n".utf8), to: cluster.data + "/names")
            try await cluster.expose(.initialize)
            for (name, bytes) in StrangeFile.all {
                try cluster.write(bytes, to: cluster.hbaPath)
                try await cluster.sql("select pg_reload_conf()")
                try await cluster.expose(.initialize)
                #expect(try cluster.hba() == bytes, "\(name)")
                try await cluster.expose(.add([Self.other]))
                let rules = try await LocalCluster(
                    PostgresSocket(folder: cluster.folder, port: cluster.port), database: "knocknoc"
                ).hbaRules()
                let ours = try #require(rules.firstIndex { $0.user_name == ["+knocknoc_owner"] }, "\(name)")
                let isHost = { (rule: HbaRule) in rule.type?.hasPrefix("host") == true && rule.auth_method != "reject" }
                #expect(rules.firstIndex(where: isHost) == ours, "\(name): \(rules.map(\.shown))")
                #expect(rules[..<ours].allSatisfy { $0.type == "local" || $0.auth_method == "reject" }, "\(name)")
                // The lines that the server counts are those that we count.
                let text = HbaText(try cluster.hba(), continues: true)
                #expect(text.lines.filter { !$0.fields.isEmpty }.map(\.number) == rules.map(\.line_number), "\(name)")
                try await cluster.expose(.remove([Self.other]))
                #expect(try cluster.hba() == bytes, "\(name)")
            }
            try await cluster.expose(.add([Self.other]))
            try await cluster.expose(.disable)
            #expect(try cluster.hba() == StrangeFile.all.last?.bytes)
        }

        @Test("a refusal before our lines is named, and the file is as before and loaded")
        func refused() async throws {
            let hba = "local all all trust\nhost all all 203.0.113.0/24 reject\nhost all all all md5\n"
            let cluster = try await TestCluster(hba: Array(hba.utf8))
            try await cluster.expose(.initialize)
            let error = try await failure { try await cluster.expose(.add([Self.other])) }
            #expect(error.message.contains("line 2: host all all 203.0.113.0/24 reject"), "\(error)")
            #expect(try cluster.hba() == Array(hba.utf8))
            let wider = Recorder()
            let outcome = try await cluster.expose(
                .add([try CIDR(parsing: "203.0.0.0/16"), try CIDR(parsing: "198.51.100.1")]), console: wider)
            #expect(outcome.changed && wider.text.contains("line 2 decides first for 203.0.113.0/24"), "\(wider.text)")
        }

        @Test("a broken file is refused with its line, before and after")
        func broken() async throws {
            let cluster = try await TestCluster()
            try await cluster.expose(.initialize)
            let bytes = Array("local all all trust\nhost all all 300.0.0.1/99 md5\n".utf8)
            try cluster.write(bytes, to: cluster.hbaPath)
            let error = try await failure { try await cluster.expose(.add([Self.other])) }
            #expect(error.code == .invalid && error.message.contains("line 2"), "\(error)")
            #expect(try cluster.hba() == bytes)
            let marks = Array("local all all trust\n\(HbaDocument.begin)\n".utf8)
            try cluster.write(marks, to: cluster.hbaPath)
            #expect(try await failure { try await cluster.expose(.add([Self.other])) }.message.contains("line 2"))
            #expect(try cluster.hba() == marks)
        }

        @Test("a restart that does not come up puts the old settings back and starts it again")
        func restart() async throws {
            let cluster = try await TestCluster()
            let auto = try cluster.autoConf()
            // Somebody else has the port on loopback, so that 0.0.0.0 cannot be bound.
            let holder = try LabProcess([
                "python3", "-uc",
                "import socket; s = socket.create_server(('127.0.0.1', \(cluster.port))); print('held'); s.accept()",
            ])
            _ = try await holder.line { $0 == "held" }
            let console = Recorder()
            let error = try await failure { try await cluster.expose(.initialize, console: console) }
            #expect(error.message.contains("does not answer after its restart"), "\(error)")
            #expect(console.text.contains("Undoing: Setting listen_addresses"))
            #expect(try cluster.autoConf() == auto)
            #expect(try await cluster.sql("show listen_addresses; show ssl;") == "off")
            #expect(!FileManager.default.fileExists(atPath: cluster.data + "/knocknoc-server.key"))
            #expect(try await cluster.sql("select count(*) from pg_roles where rolname like 'knocknoc\\_node%'") == "0")
            await holder.stop()
            #expect(try await cluster.expose(.initialize).connectionString != nil)
        }

        @Test("settings of the command line and clusters of Patroni are not touched; the way to change them is said")
        func foreign() async throws {
            let cluster = try await TestCluster()
            try await cluster.stop()
            try await Shell.check(
                cluster.control(["-w", "-s", "-l", cluster.folder + "/log", "-o", "-c listen_addresses=", "start"]))
            let auto = try cluster.autoConf()
            let error = try await failure { try await cluster.expose(.initialize) }
            #expect(error.message.contains("command line") && error.message.contains("patronictl edit-config"))
            #expect(try cluster.autoConf() == auto)

            try cluster.write(Array("{}".utf8), to: cluster.data + "/patroni.dynamic.json")
            let hba = try cluster.hba()
            let advice = try await cluster.expose(.add([Self.other]))
            #expect(!advice.changed)
            #expect(try cluster.hba() == hba)
            let line = "- \"hostssl knocknoc +knocknoc_owner 203.0.113.7/32 scram-sha-256\""
            #expect(advice.commands?.contains(line) == true, "\(advice.lines)")
            #expect(advice.commands?.contains("- \"local all all trust\"") == true)
            #expect(try await cluster.expose(.initialize).changed == false)
            #expect(try cluster.autoConf() == auto)
        }

        @Test("what is not here, not Postgres, not migrated or a port of its own is refused with the way out")
        func elsewhere() async throws {
            let cluster = try await TestCluster()
            func refusal(_ url: String, listen: String? = nil) async throws -> String {
                try await failure {
                    try await cluster.expose(.initialize) {
                        $0.connection = url
                        $0.listen = listen.flatMap(ListenTarget.init)
                    }
                }.message
            }
            #expect(try await refusal("postgres://u:secret@192.0.2.77/knocknoc").contains("another machine"))
            #expect(try await refusal("sqlite:///var/lib/knocknoc/knocknoc.db").contains("knocker migrate-db"))
            #expect(try await refusal(cluster.url("postgres")).contains("holds no Knocknoc yet"))
            #expect(try await refusal(cluster.url("nowhere")).contains("nowhere"))
            #expect(try await refusal(cluster.url(), listen: "0.0.0.0:1").contains("has port \(cluster.port)"))
            #expect(try await refusal(cluster.url(), listen: "192.0.2.77").contains("no address of this machine"))
            #expect(try await refusal("postgres:///knocknoc?host=/nowhere&port=1").contains("/nowhere/.s.PGSQL.1"))
            try cluster.configure("DataDir = /var/lib/knocknoc\n")
            #expect(try await failure { try await cluster.expose(.list) }.message.contains("knocker migrate-db"))
            #expect(try await cluster.sql("show listen_addresses") == "")
            // Over TCP the cluster is found by its port, among all that run here.
            let second = try await TestCluster(settings: ["listen_addresses": "localhost"])
            try second.configure("DatabaseURL = postgres://knocknoc@localhost:\(second.port)/knocknoc\n")
            #expect(try await second.expose(.status).cluster?.dataDirectory == second.data)
        }
    }
}
