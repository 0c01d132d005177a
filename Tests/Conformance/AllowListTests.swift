import Foundation
import Lab
import Testing

import struct Lab.Host

extension WholeSystem {
    @Suite("an allow list that the server serves") struct AllowListTests {
        /// A Knoc with a list, a key for it that is good on the lab's wire, and two people who may open it.
        private struct Lists {
            let site: Site
            let knoc: String
            let path: String
            let secret: String

            init(_ site: Site) async throws {
                self.site = site
                let group = try await site.make(group: "staff")
                for name in ["alice", "bob"] { try await site.make(user: name, groups: [group]) }
                let made = try await site.admin.expect(
                    201, "POST", "/api/v1/admin/knocs",
                    [
                        "name": "list", "group_ids": [.string(group)],
                        "enforcement": [["backend": ["type": "allow_list"]]],
                    ])
                let key = try await site.admin.expect(
                    201, "POST", "/api/v1/admin/api-keys",
                    ["name": "device", "scopes": ["allowlists.read"], "networks": ["10.77.0.0/24"]])
                knoc = try #require(made["id"].string)
                path = "/edl/" + (try #require(made["allow_list_id"].string))
                secret = try #require(key["secret"].string)
            }

            /// Somebody who has signed in at a node, from a host.
            func person(_ name: String, at node: ServerProcess, from host: Host) async throws -> WebClient {
                let client = try node.client(on: host)
                try await client.signIn(name, Site.password)
                return client
            }

            func open(_ client: WebClient) async throws {
                #expect(try await client.change("POST", knoc)["state"].string == "open")
            }

            func close(_ client: WebClient) async throws {
                #expect(try await client.change("DELETE", knoc)["state"].string == "closed")
            }
        }

        @Test(
            "two nodes answer alike at once, whichever of them took the click, and know each other's tags",
            .timeLimit(limit))
        func twoNodes() async throws {
            try await Site.run(.twoNodes) { site in
                let lists = try await Lists(site)
                var devices: [WebClient] = []
                for node in site.nodes {
                    let device = try node.client(on: site.gateway)
                    await device.use(token: lists.secret)
                    devices.append(device)
                }
                /// The lines that every node has, with the tag that all of them give.
                func agreed(_ suffix: String = "") async throws -> (lines: [String], tag: String) {
                    var answers: [Answer] = []
                    for device in devices { answers.append(try await device.get(lists.path + suffix)) }
                    #expect(answers.map(\.status) == [200, 200], "\(answers)")
                    #expect(Set(answers.map(\.body)).count == 1, "\(answers)")
                    let tags = Set(answers.compactMap { $0.header("etag") })
                    #expect(tags.count == 1, "\(answers)")
                    let tag = try #require(tags.first)
                    for device in devices {
                        let same = try await device.send("GET", lists.path + suffix, headers: [("If-None-Match", tag)])
                        #expect(same.status == 304 && same.header("etag") == tag && same.body.isEmpty, "\(same)")
                    }
                    return (answers[0].text.split(separator: "\n").dropFirst().map(String.init), tag)
                }
                let empty = try await agreed()
                #expect(empty.lines == [])
                let alice = try await lists.person("alice", at: site.nodes[0], from: site.alice)
                let bob = try await lists.person("bob", at: site.nodes[1], from: site.mallory)
                try await lists.open(alice)
                let one = try await agreed()
                #expect(one.lines == [site.alice.ipv4] && one.tag != empty.tag)
                try await lists.open(bob)
                #expect(try await agreed().lines == [site.alice.ipv4, site.mallory.ipv4])
                let json = try await agreed(".json")
                #expect(json.lines == [] && json.tag != one.tag)
                // Her session is the site's, and so is its end.
                let elsewhere = try site.nodes[1].client(on: site.alice)
                await elsewhere.use(token: await alice.token)
                try await lists.close(elsewhere)
                #expect(try await agreed().lines == [site.mallory.ipv4])
                try await lists.open(alice)
                try await lists.close(bob)
                // The same lines have the tag that they had.
                let again = try await agreed()
                #expect(again.lines == one.lines && again.tag == one.tag)
            }
        }

        /// A host that fetches as docs/backends/allow-list.md shows it, in a folder of its own.
        private struct Device {
            let host: Host
            let folder: URL
            let replacements: [(String, String)]

            init(_ lists: Lists, on host: Host) throws {
                self.host = host
                folder = try Lab.temporaryFolder("device", readable: true)
                replacements = [
                    ("/etc/knocknoc-list.key", folder.path + "/key"), ("/etc/nginx/", folder.path + "/"),
                    ("/etc/haproxy/knocknoc.list", folder.path + "/list.txt"),
                    (
                        "https://knock.example.com/edl/6f9619ff-8b86-4011-b42d-00c04fc964ff",
                        lists.site.server.base + lists.path
                    ),
                ]
            }

            func write(_ name: String, _ text: String) throws {
                try Data(text.utf8).write(to: folder.appendingPathComponent(name))
            }

            func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.path + "/" + name) }

            func text(_ name: String) throws -> String {
                try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            }

            /// Which file it is that has this name.
            func file(_ name: String) throws -> Int {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/" + name)
                return try #require(attributes[.systemFileNumber] as? Int)
            }

            /// The page's only block with this mark, with this device's paths.
            func block(_ mark: String) throws -> String {
                let blocks = try Page("backends/allow-list.md").blocks(mark)
                #expect(blocks.count == 1)
                return try replacements.reduce(#require(blocks.first)) {
                    $0.replacingOccurrences(of: $1.0, with: $1.1)
                }
            }

            /// Types the page's block.
            ///
            /// - Returns: whether it ended well.
            func type(_ mark: String) async throws -> Bool {
                // There is another nginx on this machine, whose files are not to be read.
                let prelude = """
                    cd \(folder.path)
                    nginx() { command nginx -c \(folder.path)/nginx.conf -e stderr "$@"; }

                    """
                return try await Shell.run(host.inside(["sh", "-c", prelude + block(mark)])).status == 0
            }

            /// What a web server of this host answers somebody.
            func answer(_ client: Host, port: Int) async throws -> Int {
                try await WebClient(on: client, base: "http://\(host.ipv4):\(port)", address: host.ipv4).get("/").status
            }
        }

        @Test("curl, nginx and HAProxy use it as the page shows them", .timeLimit(limit))
        func clients() async throws {
            try await Site.run(.twoNodes) { site in
                let lists = try await Lists(site)
                let device = try Device(lists, on: try await site.another("l", 40))
                defer { try? FileManager.default.removeItem(at: device.folder) }
                let key = """
                    user = "any:\(lists.secret)"
                    cacert = "\(site.folder.path)/cert.pem"
                    resolve = "knocknoc.test:8756:\(site.server.host.ipv4)"

                    """
                try device.write("key", key)
                func lines() throws -> [String] {
                    try device.text("list.txt").split(separator: "\n").dropFirst().map(String.init)
                }
                // Without a list there is no file that lets everybody in.
                #expect(try await device.type("sh nginx") == false)
                #expect(!device.has("knocknoc.allow"))
                #expect(try await device.type("sh curl"))
                #expect(try device.text("list.txt") == "# Knocknoc allow list \(lists.path.dropFirst(5))\n")

                let alice = try await lists.person("alice", at: site.nodes[0], from: site.alice)
                let bob = try await lists.person("bob", at: site.nodes[1], from: site.mallory)
                try await lists.open(alice)
                #expect(try await device.type("sh curl"))
                #expect(try lines() == [site.alice.ipv4])
                let fetched = try device.file("list.txt")
                #expect(try await device.type("sh curl"))
                #expect(try device.file("list.txt") == fetched, "it was not asked for by its tag")

                // nginx is not there yet: what it was not told is told when it is.
                try device.write(
                    "nginx.conf",
                    """
                    pid \(device.folder.path)/pid;
                    error_log stderr;
                    events {}
                    http {
                    access_log off;
                    server { listen 80; location / { include \(device.folder.path)/knocknoc.allow; empty_gif; } }
                    }

                    """)
                #expect(try await device.type("sh nginx") == false)
                let nginx = try device.host.start(
                    ["nginx", "-c", device.folder.path + "/nginx.conf", "-e", "stderr", "-g", "daemon off;"])
                try await Lab.until("nginx lets alice in") { try await device.answer(site.alice, port: 80) == 200 }
                #expect(try await device.answer(site.mallory, port: 80) == 403)
                #expect(try await device.type("sh nginx"), "\(nginx.errorText)")
                let loaded = try device.file("allow.loaded")
                #expect(try await device.type("sh nginx"))
                #expect(try device.file("allow.loaded") == loaded, "it was loaded though nothing has changed")

                // A list that breaks off is none, and is asked for anew.
                try await lists.close(alice)
                try await lists.open(bob)
                try device.write("key", key + "max-filesize = 10\n")
                #expect(try await device.type("sh curl") == false)
                #expect(try lines() == [site.alice.ipv4])
                try device.write("key", key)
                #expect(try await device.type("sh curl"))
                #expect(try lines() == [site.mallory.ipv4])
                #expect(try await device.type("sh nginx"), "\(nginx.errorText)")
                try await Lab.until("nginx lets alice in no more") {
                    try await device.answer(site.alice, port: 80) == 403
                }
                #expect(try await device.answer(site.mallory, port: 80) == 200)
                await nginx.stop()

                try device.write(
                    "haproxy.cfg",
                    """
                    defaults
                        mode http
                        timeout client 10s
                        timeout server 10s
                        timeout connect 10s
                    frontend door
                        bind :81
                        \(try device.block("haproxy list"))
                        http-request return status 200

                    """)
                let haproxy = try device.host.start(["haproxy", "-db", "-f", device.folder.path + "/haproxy.cfg"])
                try await Lab.until("HAProxy lets bob in") { try await device.answer(site.mallory, port: 81) == 200 }
                #expect(try await device.answer(site.alice, port: 81) == 403)
                await haproxy.stop()

                // What cannot be fetched leaves what was there.
                try device.write("key", key.replacingOccurrences(of: lists.secret, with: lists.secret + "x"))
                #expect(try await device.type("sh curl") == false)
                try device.write("key", key)
                await site.server.stop(SIGKILL)
                #expect(try await device.type("sh curl") == false)
                #expect(try lines() == [site.mallory.ipv4])
            }
        }
    }
}
