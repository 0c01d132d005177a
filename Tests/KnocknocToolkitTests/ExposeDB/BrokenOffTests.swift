import Foundation
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

extension ExposeDBSuite {
    @Suite("exposedb broken off in the middle")
    struct BrokenOffTests {
        private static let here = CIDR(.v4(0x7f00_0001))

        private func knocker(_ cluster: TestCluster, _ arguments: [String]) throws -> LabProcess {
            try LabProcess(
                [Lab.executable("knocknoc"), "knocker", "exposedb"] + arguments + ["--conn", cluster.url()])
        }

        @Test(
            "a signal stops it at the next safe point, and it is undone",
            arguments: [
                (SIGINT, 130 as Int32, "Setting listen_addresses"), (SIGTERM, 143, "Restarting"),
                (SIGHUP, 129, "Asking it"),
                (SIGINT, 130, "Making the login"),
            ])
        func signal(_ signal: Int32, _ status: Int32, _ step: String) async throws {
            let cluster = try await TestCluster()
            let (auto, hba) = (try cluster.autoConf(), try cluster.hba())
            // The login cannot be made as long as somebody else changes roles.
            let holder = try LabProcess(
                TestCluster.psql(cluster.url(user: "postgres")) + [
                    "-c", "begin; lock table pg_authid in share mode; select 'held'", "-c", "select pg_sleep(600)",
                ])
            if step == "Making the login" {
                _ = try await holder.line { $0 == "held" }
            } else {
                await holder.stop(SIGKILL)
            }
            let command = try knocker(cluster, ["--init"])
            _ = try await command.errorLine(within: .seconds(60)) { $0.hasPrefix(step) }
            command.signal(signal)
            _ = try await command.errorLine(within: .seconds(60)) { $0.contains("stopping at the next safe point") }
            // One more changes nothing.
            command.signal(signal)
            #expect(await command.exit() == status, "\(command.errorText)")
            #expect(command.errorText.contains("Undoing: Setting listen_addresses"), "\(command.errorText)")
            #expect(command.errorText.hasSuffix("what was begun is undone"), "\(command.errorText)")
            #expect(command.outputLines.isEmpty)
            await holder.stop(SIGKILL)
            #expect(try cluster.autoConf() == auto && cluster.hba() == hba)
            #expect(!FileManager.default.fileExists(atPath: cluster.data + "/knocknoc-server.key"))
            #expect(try await cluster.sql("show listen_addresses; show ssl") == "off")
            #expect(try await cluster.sql("select count(*) from pg_roles where rolname like 'knocknoc\\_node%'") == "0")
        }

        @Test("an address that was let in, and could not be noted, is out again")
        func addedInPart() async throws {
            let cluster = try await TestCluster()
            try await cluster.expose(.initialize)
            try await cluster.expose(.add([CIDR(.v4(0xcb00_7107))]))
            let hba = try cluster.hba()
            let holder = try LabProcess(
                TestCluster.psql(cluster.url(user: "postgres")) + [
                    "-c", "begin; lock table pg_db_role_setting in share mode; select 'held'", "-c",
                    "select pg_sleep(600)",
                ])
            _ = try await holder.line { $0 == "held" }
            let command = try knocker(cluster, ["--add", "127.0.0.1", "--add", "203.0.113.7"])
            _ = try await command.errorLine(within: .seconds(60)) { $0.hasPrefix("Having") }
            while try await cluster.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") == "0" {
            }
            #expect(try cluster.hba() != hba)
            command.signal(SIGINT)
            // What is undone has to write there too.
            _ = try await command.errorLine(within: .seconds(60)) { $0.hasPrefix("Undoing: Allowing") }
            await holder.stop(SIGKILL)
            try await cluster.sql(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where query like '%pg_sleep(600)'")
            #expect(await command.exit() == 130, "\(command.errorText)")
            #expect(try cluster.hba() == hba)
        }

        @Test("a disable that a signal stops says what is left, and the same command does it")
        func disabledInPart() async throws {
            let cluster = try await TestCluster()
            try await cluster.expose(.initialize)
            try await cluster.expose(.add([Self.here]))
            let holder = try LabProcess(
                TestCluster.psql(cluster.url(user: "postgres")) + [
                    "-c", "begin; lock table pg_authid in share mode; select 'held'", "-c", "select pg_sleep(600)",
                ])
            _ = try await holder.line { $0 == "held" }
            let command = try knocker(cluster, ["--disable"])
            _ = try await command.errorLine(within: .seconds(60)) { $0.hasPrefix("Dropping the login") }
            command.signal(SIGINT)
            #expect(await command.exit() == 130)
            #expect(command.errorText.contains("half done") && command.errorText.contains("still listens on 0.0.0.0"))
            await holder.stop(SIGKILL)
            // Its session sleeps and would keep the lock.
            try await cluster.sql(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where query like '%pg_sleep(600)'")
            // What was taken back stays so.
            #expect(try await cluster.expose(.list).lines.isEmpty)
            #expect(try await cluster.expose(.disable).changed)
            #expect(try await cluster.sql("show listen_addresses; show ssl") == "off")
        }

        @Test("killed between the settings and the restart, a disable run again finishes")
        func pending() async throws {
            let cluster = try await TestCluster()
            let auto = try cluster.autoConf()
            try await cluster.expose(.initialize)
            // As the killed one leaves it: the file is as before, and PostgreSQL listens as it did.
            try await cluster.sql("alter system reset all")
            #expect(try await cluster.sql("show listen_addresses") == "0.0.0.0")
            let preview = try await cluster.expose(.disable) { $0.isDryRun = true }
            #expect(preview.lines.contains { $0.contains("would take effect") }, "\(preview.lines)")
            #expect(try await cluster.expose(.disable).changed)
            #expect(try await cluster.sql("show listen_addresses; show ssl") == "off")
            #expect(try cluster.autoConf() == auto)
            for name in ["postgresql.auto.conf.knocknoc-backup", "knocknoc-server.key", "knocknoc-server.crt"] {
                #expect(!FileManager.default.fileExists(atPath: "\(cluster.data)/\(name)"), "\(name)")
            }
            #expect(try await cluster.expose(.disable).changed == false)
        }

        @Test("a disable whose restart fails says that it is half done and what to do")
        func failedRestart() async throws {
            let cluster = try await TestCluster()
            try await cluster.expose(.initialize)
            try await cluster.expose(.add([Self.here]))
            let conf = cluster.data + "/postgresql.conf"
            let good = try #require(try SystemFile(conf).bytes())
            let saboteur = Saboteur(at: "Restarting") {
                try? SystemFile(conf).replace(with: good + Array("no_such_setting = 1\n".utf8), keepingBackup: false)
            }
            let error = await #expect(throws: SystemError.self) {
                try await cluster.expose(.disable, console: saboteur)
            }
            let message = error?.message ?? ""
            #expect(message.contains("half done") && message.contains("does not answer at this moment"), "\(message)")
            #expect(message.contains("sudo knocker exposedb --disable"))
            try SystemFile(conf).replace(with: good, keepingBackup: false)
            try await cluster.start()
            #expect(try await cluster.expose(.disable).changed)
            #expect(try await cluster.sql("show listen_addresses; show ssl") == "off")
        }

        @Test("a login whose string nobody was shown gets another password, whoever uses the old one")
        func unshown() async throws {
            let cluster = try await TestCluster()
            /// Which strings let in.
            func work(_ strings: String?...) async throws -> [Bool] {
                var found: [Bool] = []
                for string in strings {
                    let location = try DatabaseURL(try #require(string)).location
                    found.append(try await Shell.run(TestCluster.psql(location), input: "select 1;").status == 0)
                }
                return found
            }
            let lost = try await cluster.expose(.initialize, isShown: false).connectionString
            let made = try await cluster.expose(.initialize)
            let first = try #require(made.connectionString)
            #expect(made.changed)
            try await cluster.expose(.add([Self.here]))
            #expect(try await work(first, lost) == [true, false])
            let node = try LabProcess(
                TestCluster.psql(try DatabaseURL(first).location) + [
                    "-c", "select 'here'", "-c", "select pg_sleep(600)",
                ])
            _ = try await node.line { $0 == "here" }

            let unseen = try await cluster.expose(.rotatePassword, isShown: false).connectionString
            #expect(try await cluster.expose(.status).lines.contains { $0.contains("was not shown") })
            let again = try await cluster.expose(.rotatePassword)
            #expect(again.logins?.count == 2 && again.lines.first?.contains("ended before it showed") == true)
            #expect(try await work(again.connectionString, unseen, first) == [true, false, true])

            // Shown, and lost by whoever saw it.
            let busy = await #expect(throws: SystemError.self) { try await cluster.expose(.rotatePassword) }
            #expect(busy?.message.contains("--renew") == true)
            let renewed = try await cluster.expose(.rotatePassword) { $0.isRenewed = true }
            #expect(try await work(renewed.connectionString, again.connectionString, first) == [true, false, true])
            await node.stop(SIGKILL)
        }

        @Test("the command notes that it has shown the string, and makes it anew where its output was gone")
        func shown() async throws {
            let cluster = try await TestCluster()
            let gone = try await Shell.run(
                ["sh", "-c", "\"$@\" >/dev/full", "sh", Lab.executable("knocknoc"), "knocker", "exposedb", "--init"]
                    + ["--conn", cluster.url(), "--advertise", "127.0.0.1"])
            #expect(gone.status == 0, "\(gone)")
            let command = try knocker(cluster, ["--init", "--advertise", "127.0.0.1"])
            #expect(await command.exit() == 0)
            #expect(command.outputLines.contains { $0.hasPrefix("postgres://knocknoc_node_1:") })
            #expect(try await cluster.expose(.initialize).connectionString == nil)
        }
    }
}
