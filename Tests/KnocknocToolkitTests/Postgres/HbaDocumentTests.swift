import KnocknocModel
import Testing

@testable import KnocknocToolkit

@Suite("our block of pg_hba.conf")
struct HbaDocumentTests {
    private func entry(_ network: String, database: String = "knocknoc") throws -> HbaEntry {
        HbaEntry(database: database, role: "knocknoc_owner", network: try CIDR(parsing: network))
    }

    private func edit(
        _ bytes: [UInt8], continues: Bool = true, _ change: (inout HbaDocument) throws -> Void
    ) throws -> [UInt8] {
        var document = try HbaDocument(bytes, continues: continues)
        try change(&document)
        return document.bytes
    }

    @Test("somebody's own bytes stay, and are all there is after ours are gone", arguments: StrangeFile.all.map(\.name))
    func strange(_ name: String) throws {
        let bytes = try #require(StrangeFile.all.first { $0.name == name }).bytes
        for continues in [true, false] {
            #expect(try HbaDocument(bytes, continues: continues).bytes == bytes)
            let one = try edit(bytes, continues: continues) { $0.add(try entry("203.0.113.7")) }
            let two = try edit(one, continues: continues) { $0.add(try entry("2001:db8::/32", database: "all")) }
            #expect(one != bytes && two != one)
            #expect(try edit(two, continues: continues) { $0.add(try entry("203.0.113.7")) } == two)
            #expect(
                try HbaDocument(two, continues: continues).entries(of: "all").map(\.network.description) == [
                    "2001:db8::/32"
                ])
            #expect(try edit(two, continues: continues) { $0.remove { $0.database == "all" } } == one)
            #expect(try edit(one, continues: continues) { $0.remove { _ in true } } == bytes)
            let shut = try edit(one, continues: continues) { $0.refuse("knocknoc", role: "knocknoc_owner") }
            #expect(try edit(shut, continues: continues) { $0.refuse("knocknoc", role: "knocknoc_owner") } == shut)
            #expect(try HbaDocument(shut, continues: continues).entries(of: "knocknoc").count == 1)
            #expect(try edit(shut, continues: continues) { $0.admit() } == one)
        }
    }

    @Test("the same for files of random pieces", arguments: 0..<400)
    func random(_ seed: Int) throws {
        let pieces = [
            "\n", "\r\n", "\\", "\\\n", "#", "# BEGIN", "\"", ",", " ", "\t", "host", "hostssl", "local", "all",
            "reject",
            "md5", "10.0.0.0/8", "::1/128", "127.0.0.1 255.0.0.0", "include", "@file", "\u{0}", "é",
            "host all all all md5\n",
            "host all all all reject\n", "# END",
        ]
        var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1
        func number(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        var bytes: [UInt8] = []
        for _ in 0..<number(40) {
            bytes += number(12) == 0 ? [UInt8(128 + number(128))] : Array(pieces[number(pieces.count)].utf8)
        }
        let shut = try edit(bytes, continues: seed % 2 == 0) { $0.refuse("knocknoc", role: "knocknoc_owner") }
        #expect(try edit(shut, continues: seed % 2 == 0) { $0.admit() } == bytes)
        let rules = HbaText(shut, continues: seed % 2 == 0).lines.map(\.fields)
        let reject = rules.firstIndex { $0.last?.first?.text == "reject" && $0.first?.first?.text == "local" }
        let admitting = HbaText(shut, continues: seed % 2 == 0).lines.firstIndex { $0.admitsHosts }
        #expect(reject != nil && reject ?? 0 < admitting ?? rules.count)
        let added = try edit(bytes, continues: seed % 2 == 0) { $0.add(try entry("203.0.113.7")) }
        #expect(try edit(added, continues: seed % 2 == 0) { $0.remove { _ in true } } == bytes)
        #expect(try edit(added, continues: seed % 2 == 0) { $0.add(try entry("203.0.113.7")) } == added)
        let other = try edit(added, continues: seed % 2 == 0) { $0.add(try entry("198.51.100.0/24")) }
        #expect(try edit(other, continues: seed % 2 == 0) { $0.remove { $0.network.length == 24 } } == added)
    }

    @Test(
        "where it refuses it stands before the first line that lets anybody in",
        arguments: ["local", "\"local\"", "host"])
    func refusing(_ type: String) throws {
        let own = "# theirs\n\(type) all all \(type == "host" ? "127.0.0.0/8 " : "")trust\n"
        let shut = String(
            decoding: try edit(Array(own.utf8)) { $0.refuse("knocknoc", role: "knocknoc_owner") }, as: UTF8.self)
        let (mine, theirs) = (shut.firstRange(of: "local knocknoc +"), shut.firstRange(of: "\(type) all all"))
        #expect(try #require(mine).lowerBound < #require(theirs).lowerBound, "\(shut)")
    }

    @Test("it stands before the first line that lets a host in, after those that refuse")
    func place() throws {
        let lines = { (bytes: [UInt8]) in String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        }
        func after(_ text: String) throws -> String? {
            let all = lines(try edit(Array(text.utf8)) { $0.add(try entry("203.0.113.7")) })
            let index = try #require(all.firstIndex { $0.hasPrefix("# END knocknoc") })
            return index + 1 < all.count ? all[index + 1] : nil
        }
        #expect(
            try after("local all all peer\nhost a b 10.0.0.0/8 reject\nhost all all all md5\n")
                == "host all all all md5")
        #expect(try after("host a b 10.0.0.0 255.0.0.0 reject\nhost a b ::1 ffff:: md5\n") == "host a b ::1 ffff:: md5")
        #expect(
            try after("host a b db.example.org reject\nhost a b fe80.example reject\nhostssl a b all md5")
                == "hostssl a b all md5")
        #expect(try after("include_dir more\nhost all all all md5\n") == "include_dir more")
        #expect(try after("host all all all \"reject\"\n") == "host all all all \"reject\"")
        #expect(try after("local all all peer\n") == nil)
        // A comment that goes on swallows the next line, from PostgreSQL 14 on.
        #expect(try after("# so \\\nhost all all all md5\nhost a b all md5\n") == "host a b all md5")
    }

    @Test("what stands between our marks and is not ours is kept when our lines go")
    func foreign() throws {
        let added = try edit(Array("local all all peer\n".utf8)) { $0.add(try entry("203.0.113.7")) }
        let text = String(decoding: added, as: UTF8.self).replacing(
            "# END", with: "host mine me 10.0.0.1/32 md5\n# END")
        let left = try edit(Array(text.utf8)) { $0.remove { _ in true } }
        #expect(String(decoding: left, as: UTF8.self) == "local all all peer\nhost mine me 10.0.0.1/32 md5\n")
        // Weaker than ours: somebody has changed it, and it is theirs now.
        let weaker = String(decoding: added, as: UTF8.self).replacing("scram-sha-256", with: "trust")
        #expect(try HbaDocument(Array(weaker.utf8), continues: true).entries(of: "knocknoc").isEmpty)
    }

    @Test("a mark without its pair is refused with its line")
    func unpaired() throws {
        for text in [
            "local all all peer\n\(HbaDocument.begin)\n", "local all all peer\n\(HbaDocument.end)\n",
            "\n\(HbaDocument.end)\n\(HbaDocument.begin)\n",
        ] {
            let error = #expect(throws: (any Error).self) { try HbaDocument(Array(text.utf8), continues: true) }
            #expect("\(String(describing: error))".contains("line 2"), "\(String(describing: error))")
        }
    }

    @Test(
        "names that mean something to Postgres are quoted", arguments: ["all", "a b", "Knoc\"noc", "replication", "ü"])
    func quoting(_ name: String) throws {
        let bytes = try edit([]) { $0.add(try entry("203.0.113.7", database: name)) }
        #expect(try HbaDocument(bytes, continues: true).entries(of: name).count == 1)
        #expect(String(decoding: bytes, as: UTF8.self).contains("hostssl \"\(name.replacing("\"", with: "\"\""))\" "))
    }
}
