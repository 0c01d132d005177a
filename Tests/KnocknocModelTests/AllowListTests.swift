import Foundation
import KnocknocModel
import Testing

@Suite("allow lists")
struct AllowListTests {
    private static let list = AllowListID("6f9619ff-8b86-4011-b42d-00c04fc964ff") ?? .random()

    private func members(_ texts: (String, Int)...) throws -> [(network: CIDR, until: Int)] {
        try texts.map { (network: CIDR(try #require(IPAddress($0.0)), ipv6Prefix: nil), until: $0.1) }
    }

    @Test("one address on each line, IPv4 first, by number, each once, and what is over is left out")
    func text() throws {
        let members = try members(
            ("2001:db8::1", 9), ("192.0.2.10", 9), ("192.0.2.9", 9), ("192.0.2.10", 8), ("198.51.100.1", 5),
            ("192.0.2.77", 6))
        let lines = AllowListText.lines(members, at: 5)
        let text = String(decoding: AllowListText.bytes(of: Self.list, lines, as: .text), as: UTF8.self)
        #expect(
            text == """
                # Knocknoc allow list 6f9619ff-8b86-4011-b42d-00c04fc964ff
                192.0.2.9
                192.0.2.10
                192.0.2.77
                2001:db8::1

                """)
        let json = AllowListText.bytes(of: Self.list, lines, as: .json)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
        #expect(object["id"] as? String == Self.list.description)
        #expect(object["entries"] as? [String] == ["192.0.2.9", "192.0.2.10", "192.0.2.77", "2001:db8::1"])
    }

    @Test("an empty list has its comment alone, and a network its length")
    func edges() throws {
        let empty = String(decoding: AllowListText.bytes(of: Self.list, [], as: .text), as: UTF8.self)
        #expect(empty == "# Knocknoc allow list \(Self.list)\n")
        let networks = [try CIDR(parsing: "192.0.2.0/24"), try CIDR(parsing: "2001:db8::/64")]
        let text = String(decoding: AllowListText.bytes(of: Self.list, networks, as: .text), as: UTF8.self)
        #expect(text.hasSuffix("\n192.0.2.0/24\n2001:db8::/64\n"))
        #expect(String(decoding: AllowListText.bytes(of: Self.list, [], as: .json), as: UTF8.self).hasSuffix("[]}\n"))
    }

    @Test("the format is the name's, else what Accept prefers, else text")
    func formats() {
        func format(_ name: String, _ accept: String? = nil) -> AllowListFormat? {
            AllowListRequest(name: name, accept: accept)?.format
        }
        let id = Self.list.description
        #expect(format(id) == .text && format(id, "*/*") == .text)
        #expect(format(id + ".txt", "application/json") == .text)
        #expect(format(id + ".json") == .json)
        #expect(format(id, "application/json") == .json)
        #expect(format(id, "application/json, text/plain") == .text)
        #expect(format(id, "text/plain;q=0.5, application/json") == .json)
        #expect(format(id, "application/json;q=0.1, text/*;q=0.2") == .text)
        #expect(format(id, "application/json;q=nonsense") == .text)
        for name in ["", "x", id + ".csv", id + ".", id + ".txt.json", id + "/", "." + id] {
            #expect(format(name) == nil)
        }
    }

    @Test("the secret is the password of Basic whatever the user is, or the Bearer token")
    func credentials() {
        func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }
        func secret(_ header: String?) -> String? { APIKeyCredential.secret(inHeader: header) }
        #expect(secret(basic("any:knk_x")) == "knk_x")
        #expect(secret(basic(":knk_x")) == "knk_x")
        #expect(secret(basic("a:b:c")) == "b:c")
        #expect(secret("bearer knk_x") == "knk_x")
        #expect(secret("BASIC \(Data("u:p".utf8).base64EncodedString())") == "p")
        for header in [
            nil, "", "Basic", "Basic !!", basic("nocolon"), "Digest x", "Basic " + String(repeating: "a", count: 2000),
        ] {
            #expect(secret(header) == nil)
        }
        #expect(secret(basic("u:").replacingOccurrences(of: "=", with: "")) == "")
    }

    @Test("If-None-Match compares weakly, knows lists and the asterisk")
    func tags() {
        let tag = EntityTag.strong(hash: [1, 2, 3])
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag != EntityTag.strong(hash: [1, 2, 4]))
        for field in [tag, "W/\(tag)", "\"x\", \(tag)", " \(tag) ,\"y\"", "*"] {
            #expect(EntityTag.matches(field, tag))
        }
        for field in [nil, "", "\"x\"", tag + "x", String(tag.dropFirst())] { #expect(!EntityTag.matches(field, tag)) }
    }

    @Test("a key is good by its hash, until it ends, from its networks")
    func keys() throws {
        let (one, two) = ([UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32))
        let end = Timestamp(microseconds: 100)
        let service = AllowListService(
            id: Self.list,
            keys: [
                AllowListKey(id: .init(value: 2), hash: two, networks: [try CIDR(parsing: "::/0")], expiresAt: nil),
                AllowListKey(
                    id: .init(value: 1), hash: one, networks: [try CIDR(parsing: "192.0.2.0/24")], expiresAt: end),
            ])
        let (near, far) = (try #require(IPAddress("192.0.2.1")), try #require(IPAddress("203.0.113.1")))
        let now = Timestamp(microseconds: 99)
        #expect(service.verdict(hash: one, from: near, at: now) == .allowed(.init(value: 1)))
        #expect(service.verdict(hash: one, from: far, at: now) == .elsewhere(.init(value: 1)))
        #expect(service.verdict(hash: one, from: nil, at: now) == .elsewhere(.init(value: 1)))
        #expect(service.verdict(hash: one, from: near, at: end) == .unknown)
        #expect(service.verdict(hash: two, from: near, at: now) == .elsewhere(.init(value: 2)))
        #expect(service.verdict(hash: two, from: IPAddress("2001:db8::1"), at: end) == .allowed(.init(value: 2)))
        #expect(service.verdict(hash: [1], from: near, at: now) == .unknown)
        #expect(service.keys.map(\.id) == [.init(value: 1), .init(value: 2)])
    }

    @Test("what a list's server is told comes back from JSON, and no administrator may say it")
    func service() throws {
        let key = AllowListKey(
            id: .init(value: 7), hash: Array(0..<32), networks: [try CIDR(parsing: "192.0.2.0/24")],
            expiresAt: Timestamp(microseconds: 5))
        let told = Backend.allowList(.init(service: AllowListService(id: Self.list, keys: [key])))
        let again = try JSONDecoder().decode(Backend.self, from: JSONEncoder().encode(told))
        #expect(again == told)
        #expect(throws: ModelError.self) { try told.validated() }
        #expect(told.asGiven == .allowList(.init()))
        #expect(told.targetKey == told.asGiven.targetKey)
    }

    @Test("a random identifier is of version 4, and none is like another")
    func random() {
        let ids = (0..<100).map { _ in AllowListID.random().description }
        #expect(Set(ids).count == 100)
        for id in ids {
            let characters = Array(id)
            #expect(characters[14] == "4" && "89ab".contains(characters[19]))
        }
        #expect(AgentID.server.description == "00000000-0000-7000-8000-000000000000")
    }
}
