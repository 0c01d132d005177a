import Lab
import Testing

extension WholeSystem {
    @Suite("an agent whose disk is full") struct FullDiskTests {
        @Test(
            "goes on, says so, and what is revoked stays revoked after its next start", .timeLimit(limit))
        func full() async throws {
            try await Site.run(.twoNodes) { site in
                let host = try await site.another("f", 6)
                let state = site.stateFolder(ofAgent: "small")
                // A namespace of mounts is its own, so the little disk goes with it.
                let small = try await site.anotherAgent(
                    "small", on: host,
                    wrapper: ["sh", "-c", "mount -t tmpfs -o size=256k none \"$0\" && exec \"$@\"", state])
                try await site.untilOnline(agent: small.id)
                let service = try await Probe.service(on: host, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let made = try await site.admin.expect(
                    201, "POST", "/api/v1/admin/knocs",
                    [
                        "name": "service", "group_ids": [.string(group)], "grant_on": "click", "duration_seconds": 600,
                        "enforcement": [
                            ["agent_id": .string(small.id), "backend": try await site.backend(.guard, port: 9000)]
                        ],
                    ])
                let knoc = try #require(made["id"].string)
                try await site.untilTargetsApplied("service")
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                let pid = try #require(await small.process.pid)
                func onItsDisk(_ command: String) async throws -> Shell.Result {
                    try await Shell.run(["nsenter", "-t", String(pid), "-m", "sh", "-c", command, state])
                }
                let file = "\"$0/state.json\""
                let filler = "\"$0/filler\""
                try await Lab.until("the file is written") { try await onItsDisk("test -s \(file)").status == 0 }
                #expect(try await onItsDisk("cat /dev/zero >\(filler)").status != 0)

                #expect(try await client.change("POST", knoc)["state"].string == "open")
                #expect(try await Probe.isOpen(from: site.alice, to: host.ipv4, port: 9000))
                try await Lab.until("it says so") { await small.process.log(200).contains("No space left on device") }
                // Nothing that a removal takes away may be read again: the file goes, and with it what it granted.
                #expect(try await client.change("DELETE", knoc)["state"].string == "closed")
                #expect(try await Probe.isOpen(from: site.alice, to: host.ipv4, port: 9000) == false)
                #expect(try await onItsDisk("test -e \(file)").status != 0)

                #expect(try await onItsDisk("rm \(filler)").status == 0)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                try await Lab.until("the file is back") {
                    try await onItsDisk("grep -q '\"\(site.alice.ipv4)\"' \(file)").status == 0
                }
                await service.stop()
            }
        }
    }
}
