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
        #expect(verdict.isAllowed && verdict.parts.map(\.rule.line_number) == [1, 2] && verdict.isUncertain)
        #expect(
            verdict.sentences(file: "f").first?.contains("for 10.0.0.5/32: host all all 10.0.0.5/32 reject") == true)
        // Which addresses are this machine's own is asked anew for every session.
        let own = try decide("192.0.2.1", rules)
        #expect(own.deciding?.line_number == 6 && own.isUncertain && own.parts.map(\.rule.line_number) == [2, 5])
        #expect(own.sentences(file: "f")[1].contains("line 5 may decide first"))
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

    @Test("what only the server can tell decides nothing: regular expressions, masks with holes")
    func unknown() throws {
        let ours = try rule(3, "hostssl", "knocknoc", "+knocknoc_owner", "0.0.0.0/0", "scram-sha-256")
        for (database, user) in [("/^knock", "all"), ("all", "/^knocknoc_node"), ("/^k", "/^k")] {
            let verdict = try decide("10.0.0.1", [rule(1, "host", database, user, "all", "reject"), ours])
            #expect(verdict.deciding?.line_number == 3 && verdict.isAllowed && verdict.isUncertain)
            #expect(verdict.sentences(file: "f").first?.contains("only PostgreSQL can tell") == true)
        }
        // Nobody else's login or database is ours, whatever the expression says.
        let other = try decide("10.0.0.1", [rule(1, "host", "/^x", "somebody", "all", "reject"), ours])
        #expect(other.parts.isEmpty && !other.isUncertain)
        var holes = try rule(1, "host", "all", "all", "10.0.0.0/8", "reject")
        holes.netmask = "255.0.255.0"
        #expect(try decide("10.1.0.1", [holes, ours]).isUncertain)
        #expect(holes.network == nil)
    }

    @Test("a line that wants a certificate too does not let in with a password")
    func certificate() throws {
        var strict = try rule(1, "hostssl", "all", "all", "all", "scram-sha-256")
        strict.options = ["clientcert=verify-full"]
        let verdict = try decide("10.0.0.1", [strict])
        #expect(!verdict.isAllowed && verdict.sentences(file: "f").last?.contains("clientcert=verify-full") == true)
        strict.options = ["clientcert=no-verify"]
        #expect(try decide("10.0.0.1", [strict]).isAllowed)
    }

    @Test("sessions without TLS have rules of their own, and every line that lets in is found")
    func admitting() throws {
        let rules = [
            try rule(1, "hostssl", "all", "all", "10.0.0.9/32", "md5"),
            try rule(2, "hostnossl", "all", "all", "all", "md5"),
            try rule(3, "host", "all", "all", "10.0.0.0/8", "reject"),
        ]
        #expect(try decide("10.0.0.0/24", rules).admitting.map(\.line_number) == [1])
        var plain = guest
        plain.isEncrypted = false
        let verdict = HbaVerdict(try CIDR(parsing: "10.0.0.0/24"), plain, rules, own: [])
        #expect(verdict.admitting.map(\.line_number) == [2])
        #expect(try decide("10.0.1.0/24", rules).admitting.isEmpty)
    }
}
