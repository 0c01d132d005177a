import KnocknocModel
import Testing

private let now = Timestamp(microseconds: 1_000_000_000_000_000)
private let address = IPAddress.v4(0xc000_0207)

@Suite("the right to a Knoc")
struct GrantRuleTests {
    private func rule(_ change: (inout GrantRule) -> Void = { _ in }) -> GrantRule {
        var rule = GrantRule(sessionExpiresAt: now.adding(seconds: 100), permitted: true, address: address)
        change(&rule)
        return rule
    }

    @Test("lasts as long as the session, or the Knoc's own duration where that is shorter")
    func expiry() {
        #expect(rule().decide(at: now) == .granted(address, until: now.adding(seconds: 100)))
        #expect(rule { $0.durationSeconds = 60 }.decide(at: now) == .granted(address, until: now.adding(seconds: 60)))
        #expect(rule { $0.durationSeconds = 600 }.decide(at: now) == .granted(address, until: now.adding(seconds: 100)))
    }

    @Test("needs a session that goes on and a user who is enabled")
    func session() {
        #expect(rule { $0.sessionEnded = true }.decide(at: now) == .signedOut)
        #expect(rule { $0.userDisabled = true }.decide(at: now) == .signedOut)
        #expect(rule().decide(at: now.adding(seconds: 100)) == .signedOut)
    }

    @Test("needs a group and an enabled Knoc")
    func permitted() {
        #expect(rule { $0.permitted = false }.decide(at: now) == .notYours)
        #expect(rule { $0.knocDisabled = true }.decide(at: now) == .notYours)
    }

    @Test("is refused with a reason for an address that is not known or not to be granted, or terms not understood")
    func refused() {
        #expect(rule { $0.addressReason = "a proxy" }.decide(at: now) == .refused("a proxy"))
        for change in [{ $0.address = nil }, { $0.features = ["approval"] }] as [(inout GrantRule) -> Void] {
            guard case .refused = rule(change).decide(at: now) else {
                Issue.record("granted")
                return
            }
        }
    }

    @Test("addresses that are nobody's own are never granted")
    func addresses() throws {
        for text in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "127.0.0.1", "::1"] {
            #expect(AddressRule.refusal(try #require(IPAddress(text)), loopback: false) != nil)
        }
        for text in ["192.0.2.7", "10.0.0.1", "2001:db8::1"] {
            #expect(AddressRule.refusal(try #require(IPAddress(text)), loopback: false) == nil)
        }
        #expect(AddressRule.refusal(try #require(IPAddress("127.0.0.1")), loopback: true) == nil)
        #expect(AddressRule.refusal(try #require(IPAddress("0.0.0.0")), loopback: true) != nil)
    }

    @Test("a network is granted nothing where it has something in it that is never granted")
    func networks() throws {
        let forwarders = try ["192.0.2.10/32", "2001:db8:1::10/128", "2001:db8:2::/48"].map { try CIDR(parsing: $0) }
        func refusal(_ network: String, loopback: Bool = false) throws -> String? {
            AddressRule.refusal(network: try CIDR(parsing: network), loopback: loopback, forwarders: forwarders)
        }
        for network in ["2001:db8:1::/64", "2001:db8:1::/56", "2001:db8:2:3::/64", "2001:db8::/32", "::/64"] {
            #expect(try refusal(network) != nil, "\(network)")
        }
        for network in ["2001:db8:1:1::/64", "2001:db8:1::11/128", "::2/128", "192.0.2.7/32", "2001:db8:3::/48"] {
            #expect(try refusal(network) == nil, "\(network)")
        }
        #expect(try refusal("::/64", loopback: true) == nil)
    }
}

@Suite("what a user sees")
struct VisibleStateTests {
    private let until = now.adding(seconds: 60)

    private func fact(
        _ outcome: Outcome, wanted: Bool = true, confirmed: Bool = true, target: Outcome = .applied,
        linked: Bool = true, byItself: Bool = true
    ) -> EnforcementFact {
        EnforcementFact(
            agent: "gw1", linked: linked, wanted: wanted, confirmed: confirmed, outcome: outcome, reason: "busy",
            targetOutcome: target, targetReason: "no such set", endsByItself: byItself)
    }

    private func state(
        _ right: VisibleState.Right, _ facts: [EnforcementFact], _ openWhen: OpenWhen = .all, refusal: String? = nil
    ) -> KnocState {
        VisibleState.of(right, facts, openWhen: openWhen, refusal: refusal, at: now).state
    }

    @Test("nothing granted is closed, or refused where it could not be had")
    func none() {
        #expect(state(.none, []) == .closed)
        #expect(state(.none, [], refusal: "a proxy") == .refused)
    }

    @Test("a live right is pending until the agent has confirmed, then open; failed and dry-run are said")
    func live() {
        let live = VisibleState.Right.live(until: until)
        #expect(state(live, [fact(.pending, confirmed: false)]) == .pending)
        #expect(state(live, [fact(.applied)]) == .open)
        #expect(state(live, [fact(.failed)]) == .failed)
        #expect(state(live, [fact(.applied, target: .failed)]) == .failed)
        #expect(state(live, [fact(.applied, target: .dryRun)]) == .dryRun)
        #expect(state(live, [fact(.dryRun)]) == .dryRun)
        #expect(state(live, []) == .failed)
        #expect(state(live, [fact(.applied)], refusal: "a proxy") == .open)
    }

    @Test("all agents must have confirmed, or one, as the Knoc says; dry-run is never open")
    func several() {
        let live = VisibleState.Right.live(until: until)
        #expect(state(live, [fact(.applied), fact(.pending)]) == .pending)
        #expect(state(live, [fact(.applied), fact(.pending)], .one) == .open)
        #expect(state(live, [fact(.applied), fact(.failed)]) == .failed)
        #expect(state(live, [fact(.applied), fact(.failed)], .one) == .open)
        #expect(state(live, [fact(.failed), fact(.pending)], .one) == .pending)
        #expect(state(live, [fact(.failed), fact(.failed)], .one) == .failed)
        #expect(state(live, [fact(.applied), fact(.dryRun)]) == .dryRun)
        #expect(state(live, [fact(.dryRun)], .one) == .dryRun)
    }

    @Test("an ended right is closing until confirmed, and closed past its expiry only where the device sees to it")
    func closing() {
        let open = fact(.pending, wanted: false, confirmed: false)
        #expect(state(.ended(until: until), [open]) == .closing)
        #expect(state(.ended(until: until), [fact(.applied, wanted: false)]) == .closed)
        #expect(state(.ended(until: now), [open]) == .closed)
        #expect(state(.live(until: now), [fact(.applied, wanted: true)]) == .closed)
        let other = fact(.pending, wanted: false, confirmed: false, byItself: false)
        #expect(state(.ended(until: now), [other]) == .closing)
        #expect(state(.ended(until: until), [fact(.failed, wanted: false)]) == .closing)
        #expect(state(.ended(until: until), [fact(.applied, wanted: false)], refusal: "a proxy") == .refused)
    }

    @Test("the reason names the agent, and what is shared")
    func reasons() {
        let away = VisibleState.of(
            .live(until: until), [fact(.pending, linked: false)], openWhen: .all, refusal: nil, at: now)
        #expect(away.reason == "waiting for gw1, which is not connected")
        let shared = VisibleState.of(.ended(until: until), [fact(.applied)], openWhen: .all, refusal: nil, at: now)
        #expect(shared.state == .closed)
        #expect(shared.reason?.contains("someone else") == true)
        let listed = VisibleState.of(
            .ended(until: until), [fact(.applied)], openWhen: .all, refusal: nil, at: now, sharer: "another grant")
        #expect(listed.reason == "closed for you; this address is still open through another grant")
        let failed = VisibleState.of(.live(until: until), [fact(.failed)], openWhen: .all, refusal: nil, at: now)
        #expect(failed.reason == "gw1: busy")
    }
}

@Suite("names and throttling")
struct SmallRuleTests {
    @Test("names are trimmed, bounded and visible")
    func names() throws {
        #expect(try NameRule.checked("  Alice B. ", what: "a user") == "Alice B.")
        #expect(try NameRule.checked(String(repeating: "a", count: 64), what: "a user").count == 64)
        for bad in ["", "  ", "a\u{0}b", "a\nb", "a\u{200b}b", "\u{202e}evil", String(repeating: "a", count: 65)] {
            #expect(throws: ModelError.self) { try NameRule.checked(bad, what: "a user") }
        }
        #expect(NameRule.key("ÄLICE") == NameRule.key("älice"))
    }

    @Test("failures are counted by quarter of an hour, /24 and /64")
    func throttle() throws {
        let rule = ThrottleRule(failuresPerAccountAndNetwork: 5, failuresPerNetwork: 100)
        let start = ThrottleRule.bucket(now)
        #expect(rule.refusal(accountAndNetwork: 4, network: 99, at: start) == nil)
        #expect(rule.refusal(accountAndNetwork: 5, network: 5, at: start) == 900)
        #expect(rule.refusal(accountAndNetwork: 0, network: 100, at: start.adding(seconds: 899)) == 1)
        #expect(ThrottleRule.bucket(start.adding(seconds: 899)) == start)
        #expect(ThrottleRule.bucket(start.adding(seconds: 900)) == start.adding(seconds: 900))
        #expect(ThrottleRule.network(IPAddress("192.0.2.7")) == "192.0.2.0/24")
        #expect(ThrottleRule.network(IPAddress("2001:db8:1:2:3::4")) == "2001:db8:1:2::/64")
        #expect(ThrottleRule.network(nil) == "unknown")
    }
}

@Suite("the state of an agent")
struct AgentStatusTests {
    private func status(_ change: (inout AgentStatusRule.Facts) -> Void) -> AgentStatus {
        var facts = AgentStatusRule.Facts(
            disabled: false, closed: false, lastSeen: now, duplicate: nil, now: now, isOutdated: false)
        change(&facts)
        return AgentStatusRule.status(facts)
    }

    @Test("is what somebody has to do something about, where several are true")
    func order() {
        #expect(status { _ in } == .online)
        #expect(status { $0.isOutdated = true } == .outdated)
        let stale: (inout AgentStatusRule.Facts) -> Void = {
            $0.isOutdated = true
            $0.now = now.adding(seconds: 16)
        }
        #expect(status(stale) == .stale)
        let duplicate: (inout AgentStatusRule.Facts) -> Void = {
            stale(&$0)
            $0.duplicate = now
        }
        #expect(status(duplicate) == .duplicate)
        let offline: (inout AgentStatusRule.Facts) -> Void = {
            duplicate(&$0)
            $0.closed = true
        }
        #expect(status(offline) == .offline)
        let pending: (inout AgentStatusRule.Facts) -> Void = {
            offline(&$0)
            $0.lastSeen = nil
        }
        #expect(status(pending) == .pending)
        #expect(
            status {
                pending(&$0); $0.disabled = true
            } == .disabled)
    }

    @Test("changes when 15 s, 30 s and two minutes are over, and not before")
    func limits() {
        func after(_ seconds: Int64, duplicate: Bool = false) -> AgentStatus {
            status { facts in
                facts.now = now.adding(seconds: seconds)
                if duplicate { (facts.duplicate, facts.lastSeen) = (now, facts.now) }
            }
        }
        #expect(after(15) == .online && after(16) == .stale && after(30) == .stale && after(31) == .offline)
        #expect(after(120, duplicate: true) == .duplicate && after(121, duplicate: true) == .online)
    }
}
