import KnocknocModel
import Testing

@testable import KnocknocToolkit

@Suite("what pg_hba.conf decides")
struct HbaVerdictTests {
    private let guest = HbaVerdict.Guest(
        database: "knocknoc", login: "knocknoc_node_1", roles: ["knocknoc_node_1", "knocknoc_owner"])

    private func rule(
        _ line: Int, _ type: String, _ database: String, _ user: String, _ address: String, _ method: String
    ) throws -> HbaRule {
        let network = try? CIDR(parsing: address)
        return HbaRule(
            line_number: line, type: type, database: database.split(separator: ",").map(String.init),
            user_name: user.split(separator: ",").map(String.init), address: network?.address.description ?? address,
            netmask: try network.map { try #require(mask($0)).description }, auth_method: method)
    }

    private func mask(_ network: CIDR) -> IPAddress? {
        let all: UInt128 = network.length == 0 ? 0 : .max << (128 - network.length)
        return network.address.family == .v6
            ? .v6(all) : .v4(network.length == 0 ? 0 : .max << (32 - network.length))
    }

    private func decide(_ network: String, _ rules: [HbaRule]) throws -> HbaVerdict {
        let own: [(address: IPAddress, network: CIDR)] = [
            (try #require(IPAddress("192.0.2.1")), try CIDR(parsing: "192.0.2.0/24"))
        ]
        return HbaVerdict(try CIDR(parsing: network), guest, rules, own: own)
    }

    @Test("the first line that matches decides, whatever comes after")
    func first() throws {
        let rules = [
            try rule(1, "local", "all", "all", "all", "trust"), try rule(2, "hostnossl", "all", "all", "all", "reject"),
            try rule(3, "host", "other", "all", "all", "reject"),
            try rule(4, "host", "all", "+people,somebody", "all", "reject"),
            try rule(5, "host", "replication", "all", "all", "reject"),
            try rule(6, "hostssl", "knocknoc", "+knocknoc_owner", "10.0.0.0/8", "scram-sha-256"),
            try rule(7, "host", "all", "all", "all", "reject"),
        ]
        let inside = try decide("10.1.0.0/16", rules)
        #expect(inside.isAllowed && inside.deciding?.line_number == 6 && inside.parts.isEmpty)
        let outside = try decide("192.0.2.9", rules)
        #expect(!outside.isAllowed && outside.deciding?.line_number == 7)
        #expect(outside.sentences(file: "f").last?.contains("line 7") == true)
        let wider = try decide("0.0.0.0/0", rules)
        #expect(!wider.isAllowed && wider.parts.map(\.rule.line_number) == [6])
        #expect(try decide("2001:db8::1", Array(rules.dropLast())).deciding == nil)
    }

    @Test("a line before ours that takes a part of the network is named")
    func parts() throws {
        let rules = [
            try rule(1, "host", "all", "all", "10.0.0.5/32", "reject"),
            try rule(2, "host", "all", "all", ".example.org", "reject"),
            try rule(3, "host", "samerole", "all", "samenet", "md5"),
            try rule(4, "host", "sameuser", "all", "all", "md5"),
            try rule(5, "host", "all", "all", "samehost", "reject"),
            try rule(6, "hostssl", "knocknoc", "+knocknoc_owner", "0.0.0.0/0", "scram-sha-256"),
        ]
        let verdict = try decide("10.0.0.0/24", rules)
        #expect(verdict.isAllowed && verdict.parts.map(\.rule.line_number) == [1, 2])
        #expect(verdict.sentences(file: "f").first?.contains("for 10.0.0.5/32: host all all 10.0.0.5/32 reject") == true)
        #expect(try decide("192.0.2.1", rules).deciding?.line_number == 5)
    }

    @Test("a method other than ours, a broken line and another mark of encryption do not let in")
    func methods() throws {
        #expect(try !decide("10.0.0.1", [rule(1, "host", "all", "all", "all", "md5")]).isAllowed)
        #expect(try decide("10.0.0.1", [rule(1, "hostgssenc", "all", "all", "all", "reject")]).deciding == nil)
        #expect(try decide("10.0.0.1", [rule(1, "hostnogssenc", "all", "all", "all", "scram-sha-256")]).isAllowed)
        var broken = try rule(1, "host", "all", "all", "all", "scram-sha-256")
        broken.error = "bad"
        #expect(try decide("10.0.0.1", [broken]).deciding == nil)
    }
}
