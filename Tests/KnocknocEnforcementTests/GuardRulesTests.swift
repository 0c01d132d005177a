import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("rules of guards")
struct GuardRulesTests {
    private func rules(_ definition: TargetDefinition) throws -> GuardRules {
        guard case .nftablesGuard(let value) = definition.backend else {
            throw EnforcementError(.refused, "not a guard")
        }
        return try GuardRules(definition.id, value)
    }

    private func texts(_ rules: GuardRules, _ chain: String) -> [String] { rules.chains[chain] ?? [] }

    @Test("a host guard matches what is typed at this host's addresses, loopback apart, in both directions")
    func host() throws {
        let rules = try rules(guardTarget(1))
        let (four, six) = (rules.name.set(.v4).name, rules.name.set(.v6).name)
        let scope = "tcp dport { 9000 } fib daddr type local iifname != \"lo\""
        #expect(
            texts(rules, rules.name.ingressAccept) == [
                "\(scope) ip saddr @\(four) accept", "\(scope) ip6 saddr @\(six) accept",
            ])
        #expect(texts(rules, rules.name.ingressDrop) == ["\(scope) drop"])
        let back = "tcp sport { 9000 } fib saddr type local oifname != \"lo\""
        #expect(texts(rules, rules.name.egressDrop) == ["\(back) drop"])
        #expect(texts(rules, rules.name.egressAccept).first == "\(back) ip daddr @\(four) accept")
    }

    @Test("a prefix is a mask on both ways, of IPv6 alone")
    func prefix() throws {
        var definition = guardTarget(1)
        definition.backend.ipv6Prefix = 56
        let rules = try rules(definition)
        let (four, six) = (rules.name.set(.v4).name, rules.name.set(.v6).name)
        #expect(
            texts(rules, rules.name.ingressAccept).map { $0.hasSuffix(" ip saddr @\(four) accept") } == [true, false])
        #expect(
            texts(rules, rules.name.ingressAccept)[1].hasSuffix(" ip6 saddr & ffff:ffff:ffff:ff00:: @\(six) accept"))
        #expect(texts(rules, rules.name.egressAccept)[1].hasSuffix(" ip6 daddr & ffff:ffff:ffff:ff00:: @\(six) accept"))
    }

    @Test(
        "a name that breaks the model's rules never becomes a rule",
        arguments: ["lo\" accept; add table x; #", "eth0\nflush ruleset", "", "a b", "{eth0}", "sixteen-letters-"])
    func hostile(name: String) {
        #expect(throws: EnforcementError.self) { try rules(guardTarget(1, interfaces: [name])) }
        #expect(Membership.Target(setTarget(1, ipv4: "x }; flush ruleset")) == nil)
    }

    @Test("loopback is guarded where asked for")
    func loopback() throws {
        let rules = try rules(guardTarget(1, loopback: true))
        #expect(texts(rules, rules.name.ingressDrop) == ["tcp dport { 9000 } fib daddr type local drop"])
    }

    @Test("a forward guard is limited to its destinations and interfaces, each family by its own header")
    func forward() throws {
        let rules = try rules(
            guardTarget(
                1, .tcp, [22, 80], forward: true,
                destinations: [
                    try network("10.0.0.0/8"), try network("10.1.0.0/16"), try network("2001:db8::/32"),
                ], interfaces: ["eth0"]))
        let scope = "tcp dport { 22, 80 } iifname { \"eth0\" } iifname != \"lo\""
        #expect(
            texts(rules, rules.name.ingressDrop) == [
                "\(scope) ip daddr { 10.0.0.0/8 } drop", "\(scope) ip6 daddr { 2001:db8::/32 } drop",
            ])
        #expect(
            texts(rules, rules.name.ingressAccept) == [
                "\(scope) ip daddr { 10.0.0.0/8 } ip saddr @\(rules.name.set(.v4).name) accept",
                "\(scope) ip6 daddr { 2001:db8::/32 } ip6 saddr @\(rules.name.set(.v6).name) accept",
            ])
    }

    @Test("a guard of datagrams closes broadcast and multicast too")
    func datagrams() throws {
        let rules = try rules(guardTarget(1, .udp))
        #expect(
            texts(rules, rules.name.ingressDrop).first?.contains("{ local, broadcast, anycast, multicast }") == true)
    }

    @Test("every guard's members are accepted before any guard drops")
    func order() throws {
        let table = OwnTable(
            guards: [try rules(guardTarget(1)), try rules(guardTarget(2))], alwaysAllow: [try network("10.0.0.0/8")])
        let ingress = table.commands.split(separator: "\n").filter { $0.contains("rule inet knocknoc ingress") }
            .map { String($0.dropFirst("add rule inet knocknoc ingress ".count)) }
        #expect(
            ingress == [
                "ip saddr { 10.0.0.0/8 } accept",
                "ip saddr . meta l4proto . th sport . th dport @flow4 drop",
                "ip6 saddr . meta l4proto . th sport . th dport @flow6 drop",
                "ct direction reply ct status snat accept",
                "jump \(GuardName(target(1)).ingressAccept)", "jump \(GuardName(target(2)).ingressAccept)",
                "jump \(GuardName(target(1)).ingressDrop)", "jump \(GuardName(target(2)).ingressDrop)",
            ])
    }

    @Test("the table's commands delete nothing and flush only chains that they fill again")
    func neverOpens() throws {
        let commands = OwnTable(guards: [try rules(guardTarget(1))], marks: [GuardName(target(9))]).commands
        let verbs = Set(
            commands.split(separator: "\n").map { $0.split(separator: " ").prefix(2).joined(separator: " ") })
        #expect(verbs == ["add table", "add set", "add chain", "add rule", "flush chain"])
        #expect(commands.contains("hook prerouting priority -150"))
        #expect(commands.contains("{ type ipv4_addr; flags timeout; timeout 1m; }"))
    }

    @Test("names fit the kernel, differ between targets and are found again")
    func names() throws {
        for value in [0, 1, UInt128.max, 0x0190_0000_0000_7000_8000_0000_0000_0001] {
            let name = GuardName(target(value))
            #expect((name.chains + [name.mark, name.set(.v4).name]).allSatisfy { $0.utf8.count <= 31 })
            #expect(GuardName(chain: name.ingressDrop, prefix: "id_") == name)
        }
        #expect(GuardName(target(1)) != GuardName(target(2)))
        #expect(GuardName(target(1)) != GuardName(target(1 << 127)))
        #expect(GuardName(chain: "id_short", prefix: "id_") == nil)
    }

    @Test("a listing gives the guards back, with the port that each closes")
    func listing() throws {
        let name = GuardName(target(7))
        let found = TableListing(
            ruleset: """
                table inet filter {
                \tchain id_aaaaaaaaaaaaaaaaaaaaaaaaaa {
                \t\ttcp dport 22 drop
                \t}
                }
                table inet knocknoc {
                \tset \(name.set(.v4).name) {
                \t\ttype ipv4_addr
                \t\ttimeout 1m
                \t}

                \tchain \(name.ingressDrop) {
                \t\tudp dport { 53, 9000 } fib daddr type local iifname != "lo" drop
                \t}

                \tchain ingress {
                \t\ttype filter hook prerouting priority mangle; policy accept;
                \t\tip saddr 10.0.0.0/8 accept
                \t\tct direction reply ct status snat accept
                \t}
                }
                table inet later {
                \tchain id_bbbbbbbbbbbbbbbbbbbbbbbbbb {
                \t\ttcp dport 25 drop
                \t}
                }

                """)
        let listing = try #require(found)
        #expect(TableListing(ruleset: "table inet filter {\n}\n") == nil)
        #expect(listing.guards.map(\.name) == [name])
        #expect(listing.guards.first?.closes?.ports == [53, 9000])
        #expect(listing.guards.first?.closes?.protocol == .udp)
        #expect(OwnTable(listing).allowing.ingress == ["ip saddr 10.0.0.0/8 accept"])
    }
}
