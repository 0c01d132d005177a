import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("secrets") struct SecretsTests {
        @Test("no password and no token is in a log, a process list or a file that others can read", .timeLimit(limit))
        func nowhere() async throws {
            try await Site.run(.twoNodes) { site in
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let alice = try site.server.client(on: site.alice)
                _ = try await alice.signInOnPage("alice", Site.password)
                try await alice.signIn("alice", Site.password)
                try await alice.signIn("alice", "a wrong password of alice")
                let made = try await site.admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "second"])
                let cookies = await alice.cookies()
                #expect(cookies.keys.contains { $0.hasPrefix("__Host-knocknoc") }, "\(cookies.keys)")
                var secrets = [Site.password, Site.adminPassword, "a wrong password of alice"]
                secrets += [await alice.token, await site.admin.token, made["token"].string].compactMap { $0 }
                secrets += cookies.values.filter { $0.count > 20 }

                var logs = await site.agent?.log(10_000) ?? ""
                for node in site.nodes { logs += await node.log(10_000) }
                #expect(logs.contains("/api/v1/login"))
                let processes = try await Shell.check(["ps", "-eo", "args"]).text
                #expect(processes.contains("knocknoc-agent"))
                for secret in secrets {
                    #expect(!logs.contains(secret), "in a log")
                    #expect(!processes.contains(secret), "in the process list")
                }
                for file in try await site.readableFiles() {
                    let text = String(decoding: (try? Data(contentsOf: file)) ?? Data(), as: UTF8.self)
                    for secret in secrets { #expect(!text.contains(secret), "in \(file.lastPathComponent)") }
                }
            }
        }
    }
}
