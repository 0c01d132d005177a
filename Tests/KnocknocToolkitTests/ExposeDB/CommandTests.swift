import Foundation
import KnocknocModel
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

extension ExposeDBSuite {
    @Suite("the command knocker exposedb")
    struct CommandTests {
        private var knocker: String { Lab.executable("knocknoc") }

        private func run(_ arguments: [String], as prefix: [String] = []) async throws -> Shell.Result {
            try await Shell.run(prefix + [knocker, "knocker", "exposedb"] + arguments)
        }

        /// Somebody who may pass through every folder, so that the executable is found wherever it lies.
        private static let nobody = [
            "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "+dac_read_search",
            "--ambient-caps", "+dac_read_search", "--",
        ]

        @Test("without an argument it is its help, and exits 0")
        func help() async throws {
            let result = try await run([])
            #expect(result.status == 0, "\(result)")
            for word in [
                "--init", "--add", "--remove", "--list", "--status", "--disable", "--rotate-password", "--conn",
                "--config",
                "--listen", "--advertise", "--plain", "--force", "--dry-run", "--json", "203.0.113.7/32",
            ] { #expect(result.text.contains(word), "\(word) is missing") }
            #expect(try await run(["--help"]).text == result.text)
        }

        @Test(
            "what is wrong is said, with the exit code of its kind",
            arguments: [
                (["--add", "192.0.2.9/24"], 2, "did you mean 192.0.2.0/24?"),
                (["--add", "home"], 2, "\"home\" is not an address"),
                (["--add", "0.0.0.0/0"], 2, "--force"), (["--add", "::/0"], 2, "--force"),
                (["--init", "--list"], 2, "Give one of"),
                (["--json"], 2, "Say what to do"), (["--init", "--listen", "everywhere"], 2, "--listen everywhere"),
                (["--list", "--config", "/nowhere/knocknoc.conf"], 78, "/nowhere/knocknoc.conf"),
                (["--init", "--conn", "sqlite:///var/lib/knocknoc/knocknoc.db"], 78, "knocker migrate-db"),
                (["--init", "--conn", "postgres://u:hush@192.0.2.77/knocknoc"], 78, "another machine"),
            ] as [([String], Int32, String)])
        func wrong(_ arguments: [String], _ status: Int32, _ words: String) async throws {
            let result = try await run(arguments)
            #expect(result.status == status && result.errors.contains(words), "\(result)")
            #expect(!result.errors.contains("hush"))
        }

        @Test("whoever is not root gets 77")
        func notRoot() async throws {
            let result = try await run(["--list"], as: Self.nobody)
            #expect(result.status == 77 && result.errors.contains("sudo"), "\(result)")
        }

        /// A cluster whose pg_hba.conf lies in a folder of its own, so that a mount can spoil it for the command alone.
        private func withOwnFolder(_ body: (TestCluster, _ folder: String) async throws -> Void) async throws {
            let cluster = try await TestCluster()
            let folder = cluster.folder + "/etc"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            try await Shell.check(["cp", "-a", cluster.hbaPath, folder + "/pg_hba.conf"])
            try await cluster.sql("alter system set hba_file = '\(folder)/pg_hba.conf'")
            try await cluster.expose(.initialize)
            try await cluster.sql("alter system reset all")
            try await body(cluster, folder)
        }

        /// Runs `exposedb --add` in a private mount namespace after `mounts`, then shows the folder as it is there.
        private func add(_ cluster: TestCluster, _ folder: String, after mounts: String) async throws -> (
            Int32, String, String
        ) {
            let script = """
                set -e; cd /; \(mounts)
                set +e; "$0" knocker exposedb --add 203.0.113.7 --conn '\(cluster.url())'
                echo "status $?"; ls -A \(folder); cat \(folder)/pg_hba.conf
                """
            let result = try await Shell.check([
                "unshare", "-m", "--propagation", "private", "sh", "-c", script, knocker,
            ])
            let text = result.text
            let status = text.split(separator: "\n").first { $0.hasPrefix("status ") }.flatMap {
                Int32($0.dropFirst(7))
            }
            return (status ?? -1, text, result.errors)
        }

        @Test("a read-only file, and one on a full disk, are untouched, and nothing is left beside them")
        func unwritable() async throws {
            try await withOwnFolder { cluster, folder in
                let (status, text, errors) = try await add(
                    cluster, folder, after: "mount --bind \(folder) \(folder); mount -o remount,ro,bind \(folder)")
                #expect(status == 1 && errors.contains("Read-only file system"), "\(text)\(errors)")
                #expect(text.hasSuffix("status 1\npg_hba.conf\nlocal all all trust\n"), "\(text)")
                let full = try await add(
                    cluster, folder,
                    after: """
                        cp -a \(folder)/pg_hba.conf \(folder)/../kept; mount -t tmpfs -o size=16k none \(folder)
                        cp -a \(folder)/../kept \(folder)/pg_hba.conf; dd if=/dev/zero of=\(folder)/full 2>/dev/null || true
                        """)
                #expect(full.0 == 1 && full.2.contains("No space left on device"), "\(full)")
                #expect(full.1.hasSuffix("status 1\nfull\npg_hba.conf\nlocal all all trust\n"), "\(full)")
                #expect(try await cluster.expose(.list) { $0.connection = cluster.url() }.lines.isEmpty)
            }
        }

        @Test("killed at any of its steps, the file is the old one or the new one, and running it again finishes")
        func killed() async throws {
            let cluster = try await TestCluster()
            let string = try #require(try await cluster.expose(.initialize).connectionString)
            let location = String(string.prefix { $0 != "&" })
            let old = try cluster.hba()
            try await cluster.expose(.add([CIDR(.v4(0x7f00_0001))]))
            let new = try cluster.hba()
            try SystemFile(cluster.hbaPath).replace(with: old)
            let calls = "flock,unlink,fchown,fchmod,fsync,rename,waitid"
            let command = [knocker, "knocker", "exposedb", "--add", "127.0.0.1", "--conn", cluster.url()]
            var outcomes: [Bool] = []
            for step in 1...60 {
                let result = try await Shell.run(
                    [
                        "strace", "-f", "-b", "execve", "-qqq", "-o", "/dev/null", "-e", "trace=\(calls)", "-e",
                        "inject=\(calls):signal=KILL:when=\(step)",
                    ]
                        + command)
                let found = try cluster.hba()
                #expect(found == old || found == new, "after step \(step): \(String(decoding: found, as: UTF8.self))")
                if result.status == 0 { break }
                #expect(result.status == 128 + SIGKILL, "\(result)")
                outcomes.append(found == new)
                // Its own rules still hold for whoever is let in by them.
                #expect(try await cluster.sql("select 1") == "1")
                if found == new, outcomes.count(where: \.self) > 1 {
                    try SystemFile(cluster.hbaPath).replace(with: old)
                }
            }
            #expect(outcomes.contains(true) && outcomes.contains(false), "\(outcomes)")
            // Killed between writing and loading: what is written already is loaded.
            try await cluster.expose(.remove([CIDR(.v4(0x7f00_0001))]))
            #expect(try await Shell.run(TestCluster.psql(location), input: "select 1;").status != 0)
            try SystemFile(cluster.hbaPath).replace(with: new)
            #expect(try await cluster.expose(.add([CIDR(.v4(0x7f00_0001))])).changed == false)
            #expect(try cluster.hba() == new)
            #expect(try await TestCluster.ask(location, "select 1;") == "1")
        }

        @Test("killed while the cluster restarts, it comes up, and running it again finishes")
        func killedAtRestart() async throws {
            let cluster = try await TestCluster()
            let log = try LabProcess(["tail", "-n", "0", "-F", cluster.folder + "/log"])
            let command = try LabProcess([knocker, "knocker", "exposedb", "--init", "--conn", cluster.url()])
            _ = try await command.errorLine(within: .seconds(30)) { $0.hasPrefix("Restarting") }
            _ = try await log.line(within: .seconds(30)) { $0.contains("received fast shutdown request") }
            #expect(await command.stop(SIGKILL) == 128 + SIGKILL)
            _ = try await log.line(within: .seconds(60)) { $0.contains("ready to accept connections") }
            await log.stop()
            let string = try #require(try await cluster.expose(.initialize).connectionString)
            try await cluster.expose(.add([CIDR(.v4(0x7f00_0001))]))
            #expect(try await TestCluster.ask(String(string.prefix { $0 != "&" }), "select 1;") == "1")
        }
    }
}
