import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("knocker enable reverseproxy") struct ReverseProxyCommandTests {
        @Test("is safe to run twice, shows what it would do, and undoes what HAProxy refuses", .timeLimit(limit))
        func changes() async throws {
            try await GatedSite.run { site in
                let proxy = site.proxy
                let made = try proxy.text()
                let again = try await proxy.enable([])
                #expect(
                    again.errors.contains("is as it should be")
                        && again.text.contains("\"map\":\"\(proxy.lists)/door.map\""))
                #expect(try proxy.text() == made)
                let worker = try await proxy.worker()
                for mode in ["--dry-run", "--print", "--check"] {
                    let result = try await proxy.enable([mode, "--pass-path", "/cb", "--name", "door"])
                    #expect(
                        result.text.contains(
                            mode == "--check" ? "HAProxy accepts it with this change" : "pass-path /cb"))
                }
                let second = ["--name", "git", "--domain", "git.test:8080", "--upstream", "127.0.0.1:9001"]
                let rehearsed = try await proxy.enable(["--dry-run"] + second)
                #expect(rehearsed.text.contains("would make the list \(proxy.lists)/git.map"), "\(rehearsed)")
                _ = try await proxy.enable(["--check"] + second)
                #expect(try proxy.text() == made)
                #expect(try await proxy.worker() == worker)
                let left = try FileManager.default.contentsOfDirectory(atPath: proxy.root + "/etc/haproxy")
                #expect(Set(left) == ["haproxy.cfg"], "\(left)")

                // Two doors, each with a list of its own.
                try await proxy.enable(second)
                try await proxy.letIn(site.alice.ipv4, seconds: 600, door: "git")
                let git = try WebClient(on: site.alice, base: "http://git.test:8080", address: site.gateway.ipv4)
                #expect(try await git.page("/").status == 200)
                #expect(try await site.browser(on: site.alice).page("/").status == 302)

                // What HAProxy refuses, and what listens where we would.
                let both = try proxy.text()
                try proxy.write("listen mine\n    bind :8099\n    no such keyword\n" + both)
                let refused = try await proxy.knocker("enable", ["--pass-path", "/cb"])
                #expect(refused.status == 78 && refused.errors.contains("haproxy.cfg:3]"), "\(refused)")
                #expect(try proxy.text().hasSuffix(both) && !proxy.text().contains("/cb"))
                try proxy.write("listen mine\n    mode tcp\n    bind :8080\n" + both)
                let clash = try await proxy.knocker("enable", ["--pass-path", "/cb"])
                #expect(clash.status == 78 && clash.errors.contains("of yours listens where we would"), "\(clash)")
                try proxy.write("# mine: caf\u{e9}\r\n" + both)
                let unreadable = try await proxy.knocker("enable", ["--certificate", "/no/such.pem"])
                #expect(unreadable.status == 78, "\(unreadable)")
                #expect(try proxy.text() == "# mine: caf\u{e9}\r\n" + both)
                #expect(try await git.page("/").status == 200)

                // One door goes, then all.
                #expect(try await proxy.knocker("disable", ["--name", "none"]).status == 1)
                #expect(
                    try await proxy.knocker("disable", ["--name", "git", "--dry-run"]).errors.contains(
                        "-#   domain git.test"))
                #expect(try await git.page("/").status == 200)
                #expect(try await proxy.knocker("disable", ["--name", "git"]).status == 0)
                #expect(try await git.page("/").status == 421)
                #expect(try await site.browser(on: site.alice).page("/").status == 302)
                #expect(try await proxy.knocker("enable", ["--remove"]).status == 0)
                #expect(try proxy.text().hasPrefix("# mine: caf\u{e9}\r\n") && !proxy.text().contains("knocknoc"))
                #expect(try await proxy.knocker("disable", []).text.contains("nothing to take away"))
            }
        }

        @Test("goes by no link that the agent's user has put in its own folder", .timeLimit(limit))
        func links() async throws {
            let network = Network()
            let host = try await network.host("g", 1)
            let proxy = try ReverseProxy(on: host)
            let (agent, kept) = (proxy.root + "/var/lib/knocknoc-agent", proxy.root + "/kept")
            try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: false)
            try Data("root's".utf8).write(to: URL(fileURLWithPath: kept + "/file"))
            let facts = { (path: String) in
                let found = try FileManager.default.attributesOfItem(atPath: path)
                return [found[.ownerAccountID], found[.groupOwnerAccountID], found[.posixPermissions]].map {
                    "\($0 ?? "-")"
                }
            }
            let before = (try facts(kept), try facts(kept + "/file"))
            #expect(chown(agent, 4711, 4711) == 0)
            func refused(_ path: String) async throws {
                for mode in [[], ["--dry-run"], ["--check"]] {
                    let result = try await proxy.knocker("enable", GatedSite.arguments + mode)
                    #expect(result.status == 78 && result.errors.contains("\(path) is a symbolic link"), "\(result)")
                }
            }
            for target in [kept, kept + "/new"] {
                #expect(symlink(target, proxy.lists) == 0 && lchown(proxy.lists, 4711, 4711) == 0)
                try await refused(proxy.lists)
                #expect(unlink(proxy.lists) == 0)
            }
            #expect(mkdir(proxy.lists, 0o750) == 0 && chown(proxy.lists, 4711, 4711) == 0)
            for target in [kept + "/file", kept + "/new"] {
                let list = proxy.lists + "/door.map"
                #expect(symlink(target, list) == 0 && lchown(list, 4711, 4711) == 0)
                try await refused(list)
                #expect(unlink(list) == 0)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: kept) == ["file"])
            #expect(try String(contentsOfFile: kept + "/file", encoding: .utf8) == "root's")
            #expect(try (facts(kept), facts(kept + "/file")) == before)
            #expect(!FileManager.default.fileExists(atPath: proxy.configuration))

            // Without links the list is the agent's.
            try await proxy.enable(GatedSite.arguments)
            #expect(try facts(proxy.lists + "/door.map") == ["4711", "4711", "\(0o640)"])
            await proxy.remove()
            await network.remove()
        }

        @Test("says what is missing or wrong, and who may not", .timeLimit(limit))
        func refused() async throws {
            let network = Network()
            let host = try await network.host("g", 1)
            let proxy = try ReverseProxy(on: host)
            let whole = GatedSite.arguments
            for (drop, word) in [("--portal", "--portal"), ("--domain", "--domain"), ("--upstream", "--upstream")] {
                guard let index = whole.firstIndex(of: drop) else { continue }
                var arguments = whole
                arguments.removeSubrange(index...(index + 1))
                let result = try await proxy.knocker("enable", arguments)
                #expect(result.status == 78 && result.errors.contains(word), "\(result)")
            }
            let tls = try await proxy.knocker("enable", Array(whole.dropFirst()))
            #expect(tls.status == 78 && tls.errors.contains("--certificate PEM"), "\(tls)")
            for arguments in [
                ["--gate-path", "x"], ["--pass-path", "/a/../b"], ["--domain", "192.0.2.1"], ["--name", "A"],
                ["--bind", "nowhere"], ["--portal", "knock.test"], ["--http-only", "--certificate", "/x"],
                ["--print", "--check"], ["--upstream", "x"], ["--gate-method", "P/ST"],
            ] {
                let result = try await proxy.knocker("enable", whole + arguments)
                #expect(result.status == 2, "\(arguments): \(result)")
            }
            let unprivileged = try await Shell.run(
                ["setpriv", "--reuid", "nobody", "--clear-groups", Lab.executable("knocknoc"), "knocker", "enable"]
                    + ["reverseproxy"] + whole)
            #expect(unprivileged.status == 77 && unprivileged.errors.contains("needs root"), "\(unprivileged)")
            try FileManager.default.removeItem(atPath: proxy.root + "/var")
            let alone = try await proxy.knocker("enable", whole)
            #expect(alone.status == 1 && alone.errors.contains("there is no agent on this machine"), "\(alone)")
            #expect(!FileManager.default.fileExists(atPath: proxy.configuration))
            await proxy.remove()
            await network.remove()
        }
    }
}
