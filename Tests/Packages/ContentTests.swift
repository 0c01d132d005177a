import Foundation
import Lab
import Testing

extension PackagesSuite {
    @Suite("what is in them") struct ContentTests {
        @Test("lintian finds no error, and no warning that we do not know")
        func lintian() async throws {
            let files = try ["knocknoc", "knocknoc-agent"].map { try PackageFile($0).path }
            let result = try await Shell.run(
                ["lintian", "--tag-display-limit", "0", "--fail-on", "error,warning"] + files)
            #expect(result.status == 0, "\(result.text)\(result.errors)")
        }

        @Test("everything is root's, nobody else may write, and programs alone may be run")
        func modes() async throws {
            for name in ["knocknoc", "knocknoc-agent"] {
                for entry in try await PackageFile(name).entries() {
                    #expect(entry.owner == "root/root", "\(entry)")
                    let expected =
                        switch entry.mode.first {
                        case "d": "drwxr-xr-x"
                        case "l": "lrwxrwxrwx"
                        default:
                            entry.path.hasSuffix("/bin/" + name) ? "-rwxr-xr-x" : "-rw-r--r--"
                        }
                    #expect(entry.mode == expected, "\(entry)")
                }
            }
        }

        @Test("the server is one program by three names, in its own folder and in everybody's path")
        func links() async throws {
            let entries = try await PackageFile("knocknoc").entries()
            let targets = Dictionary(
                uniqueKeysWithValues: entries.compactMap { entry in entry.target.map { (entry.path, $0) } })
            #expect(
                targets == [
                    "/opt/knocknoc/bin/knocknoc-setup": "knocknoc",
                    "/opt/knocknoc/knocker/knocker": "../bin/knocknoc",
                    "/usr/bin/knocknoc": "/opt/knocknoc/bin/knocknoc",
                    "/usr/bin/knocker": "/opt/knocknoc/knocker/knocker",
                    "/usr/bin/knocknoc-setup": "/opt/knocknoc/bin/knocknoc-setup",
                ])
            let agent = try await PackageFile("knocknoc-agent").entries().first { $0.path == "/usr/bin/knocknoc-agent" }
            #expect(agent?.target == "/opt/knocknoc-agent/bin/knocknoc-agent")
            let knocker = try await PackageFile("knocknoc-agent").entries().filter {
                $0.path.hasSuffix("/knocker/knocker")
            }
            #expect(knocker.map(\.target) == ["../bin/knocknoc-agent"])
        }

        @Test("no configuration, key or data comes with them, so that an upgrade has none to overwrite")
        func nothingKept() async throws {
            for name in ["knocknoc", "knocknoc-agent"] {
                let file = try PackageFile(name)
                let kept = try await file.entries().filter { entry in
                    ["/opt/\(name)/etc", "/var/", "/etc/"].contains { entry.path.hasPrefix($0) }
                }
                #expect(kept.isEmpty)
                let conffiles = try await Shell.check(["dpkg-deb", "--ctrl-tarfile", file.path])
                #expect(!conffiles.text.contains("conffiles"))
            }
        }

        @Test(
            "the units are hardened",
            arguments: [("knocknoc", "knocknoc", 15), ("knocknoc-agent", "knocknoc-agent", 25)])
        func hardened(package: String, unit: String, threshold: Int) async throws {
            try await PackageFile(package).unpacked { folder in
                let file = folder.path + "/lib/systemd/system/\(unit).service"
                let result = try await Shell.run(
                    ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=\(threshold)", file])
                #expect(result.status == 0, "\(result.text)")
                // systemd passes over what it does not understand.
                #expect(result.errors.isEmpty)
                guard unit == "knocknoc-agent" else { return }
                // With other users' processes hidden, two agents of two users would not know each other.
                #expect(try String(contentsOfFile: file, encoding: .utf8).contains("\nProtectProc=default\n"))
            }
        }

        @Test("each depends on what it calls, and on nothing of Swift's")
        func dependencies() async throws {
            let server = try await PackageFile("knocknoc").field("Depends")
            for library in ["libpq5", "libsodium23", "libsqlite3-0", "libc6"] { #expect(server.contains(library)) }
            #expect(!server.contains("postgresql") && !server.contains("swift"))
            let agent = try await PackageFile("knocknoc-agent").field("Depends")
            for library in ["nftables", "libnftables1", "libnetfilter-conntrack3", "libmnl0", "libipset13"] {
                #expect(agent.contains(library))
            }
        }
    }
}
