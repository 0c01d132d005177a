import KnocknocAccess
import KnocknocModel

/// The part of a Knoc's form that says how one agent opens it.
enum EnforcementForm {
    /// One place on the form: an agent may open one Knoc in several ways, and so may zones.
    struct Place: Hashable {
        /// nil for a zone, which has a field of its own.
        var agent: AgentID?
        var number: Int
        func name(_ field: String) -> String { "at.\(agent?.description ?? "zone").\(number).\(field)" }

        /// Agents in the order of their ids, then zones.
        var order: (Int, String, Int) { (agent == nil ? 1 : 0, agent?.description ?? "", number) }
    }

    /// The places of an agent: one for each way it already has, at least one.
    static func places(of agent: AgentID, in record: KnocRecord?) -> [Place] {
        let count = record?.enforcement.count { $0.agentID == agent } ?? 0
        return (0..<max(1, count)).map { Place(agent: agent, number: $0) }
    }

    /// One for each zone that is named already, and a free one where agents are told apart.
    static func zonePlaces(in record: KnocRecord?, _ agents: [AgentRecord]) -> [Place] {
        let count = record?.enforcement.count { $0.zone != nil } ?? 0
        let isFree = count > 0 || agents.count > 1 || agents.contains { $0.zoneInForce != nil }
        return (0..<(count + (isFree ? 1 : 0))).map { Place(agent: nil, number: $0) }
    }

    private static let kinds = ["guard", "set", "ipset", "haproxy", "script", "allow_list", "dry-run"]
    /// As an agent names what it has, where the form has a name of its own.
    private static let backends = ["guard": "nftables", "set": "nftables"]

    static func section(_ place: Place) -> FormPage.Section {
        let zone = words(.text(place.name("zone"), "Zone")).with {
            $0.placeholder = "office"
            for kind in kinds { $0.width += " only-" + kind }
        }.hint("Its name. * is every agent that the zones above admit, <edge> those that serve allow lists themselves.")
        return FormPage.Section(
            legend: "In " + (place.number > 0 ? "another zone" : "a zone"),
            fields: common(place.name, words, none: "Not in a zone") + [zone] + nftables(place.name, words)
                + lists(place.name, words))
    }

    private static func words(_ field: Field) -> Field {
        field.with {
            $0.plainWords = true
            $0.marksOptional = false
        }
    }

    /// - Parameter old: what the agent does there now, which is offered whatever the agent's own file has come to say.
    static func section(_ place: Place, agent: AgentRecord, replacing old: Backend?) -> FormPage.Section {
        let name = place.name
        var chosen = FormValues()
        if let old { BackendForm.fill(&chosen, from: old, name) }
        let kept = chosen.text(name("backend"))
        var offered: Set<String>?
        if let allowed = agent.capabilities["backends"]?.split(separator: " ").map(String.init) {
            offered = Set(kinds.filter { $0 == kept || allowed.contains(backends[$0] ?? $0) })
        }
        return FormPage.Section(
            legend: "On agent \(agent.name)" + (place.number > 0 ? ", another way" : ""),
            about: agent.isLinked ? nil : "This agent is not linked now; it will catch up when it is.",
            fields: common(name, words, none: "Not on this agent", offered) + nftables(name, words) + lists(name, words)
        )
    }

    /// The site itself, which enforces by lists alone.
    static func serverSection() -> FormPage.Section {
        FormPage.Section(
            legend: "On this server",
            about: "Without an agent: other devices fetch who is let in.",
            fields: [
                .select(
                    Place(agent: .server, number: 0).name("backend"), "How it opens",
                    [("none", "Not by the server"), ("allow_list", "Allow list: other devices fetch it")])
            ])
    }

    private static func common(
        _ name: (String) -> String, _ words: (Field) -> Field, none: String, _ offered: Set<String>? = nil
    ) -> [Field] {
        let withPorts = kinds.dropLast()
        let only = { (field: Field) in field.with { for kind in withPorts { $0.width += " only-" + kind } } }
        return [
            .select(
                name("backend"), "How it opens",
                [
                    ("none", none), ("guard", "Guard: Knocknoc closes the ports itself (nftables)"),
                    ("set", "Set: members of sets that my own nftables rules use"),
                    ("ipset", "Set: members of sets of ipset that my own rules use"),
                    ("haproxy", "HAProxy: a map or an access list that it asks"),
                    ("script", "Script: a program on that machine"),
                    ("allow_list", "Allow list: other devices fetch it"), ("dry-run", "Dry run: nothing is changed"),
                ].filter { $0.0 == "none" || offered?.contains($0.0) != false }),
            only(.select(name("protocol"), "Protocol", [("tcp", "TCP"), ("udp", "UDP")]).half()),
            only(words(.text(name("ports"), "Ports")).with { $0.placeholder = "22, 443" }.half())
                .hint(
                    "As clients type them. But for a guard: what members are let through to, so that flows can be cut."),
            only(words(.text(name("ipv6_prefix"), "IPv6 prefix")).with { $0.placeholder = "128" }.half())
                .hint(
                    "64 lets in a client's whole network, where its address changes often. That agent's MaxPrefix must "
                        + "allow it."),
        ]
    }

    private static func nftables(_ name: (String) -> String, _ words: (Field) -> Field) -> [Field] {
        [
            .select(name("family"), "Family", [("inet", "inet"), ("ip", "ip"), ("ip6", "ip6")]).half().only("set"),
            words(.text(name("table"), "Table")).with { $0.placeholder = "filter" }.half().only("set"),
            words(.text(name("ipv4"), "Set for IPv4")).half().only("set", "ipset"),
            words(.text(name("ipv6"), "Set for IPv6")).half().only("set", "ipset")
                .hint("Sets on that machine that hold addresses and have timeouts."),
            words(.text(name("destinations"), "Only to these networks")).half().only("guard")
                .with { $0.placeholder = "192.0.2.0/24" }.hint("Empty: this machine's own addresses."),
            words(.text(name("interfaces"), "Only on these interfaces")).half().only("guard")
                .with { $0.placeholder = "eth0" }.hint("Empty: all."),
            .checkbox(name("forward"), "Guard forwarded packets too").only("guard")
                .hint("For a gateway in front of other machines. Needs networks or interfaces."),
            .checkbox(name("loopback"), "Guard connections from this machine to itself too").only("guard"),
            words(.text(name("trial_seconds"), "Trial")).with { $0.placeholder = "60s" }.half().only("guard")
                .hint("A new guard reverts after this, unless you confirm it here. 0s skips the trial."),
        ]
    }

    private static func lists(_ name: (String) -> String, _ words: (Field) -> Field) -> [Field] {
        [
            words(.text(name("block_ipv4"), "Block list for IPv4")).half().only("ipset"),
            words(.text(name("block_ipv6"), "Block list for IPv6")).half().only("ipset")
                .hint("Sets of addresses whose access has just ended, for rules that drop established flows."),
            words(.text(name("socket"), "Runtime socket")).with { $0.placeholder = "/run/haproxy/admin.sock" }
                .only("haproxy"),
            .select(
                name("list_kind"), "Kind of list",
                [("map", "Map: ends by itself"), ("acl", "Access list: the agent ends it")]
            ).half().only("haproxy"),
            words(.text(name("list"), "Map or access list")).with { $0.placeholder = "/etc/haproxy/knocknoc.map" }
                .half()
                .only("haproxy").hint("By the file that haproxy.cfg names, or an access list's number such as #101."),
            words(.text(name("file"), "File")).half().only("haproxy")
                .hint("What HAProxy reads when it starts. Empty: the file that the list is named by."),
            words(.text(name("path"), "Program")).with { $0.placeholder = "/usr/local/lib/knocknoc/open-door" }
                .only("script").hint(
                    "An absolute path on that machine, whose agent's configuration says CustomScripts = true."),
            words(.text(name("script_name"), "Name of its list")).with { $0.placeholder = "knocknoc" }.half()
                .only("script").hint("Handed to the program: add NAME ADDRESS, del NAME ADDRESS, flush NAME."),
            words(.area(name("environment"), "Variables")).with { $0.placeholder = "REGION=eu-1" }.only("script")
                .hint("NAME=VALUE, one on each line. Nothing secret: everybody who administers sees them."),
            words(.area(name("secrets"), "Secret variables")).with {
                $0.isSecret = true
                $0.autocomplete = "off"
            }
            .only("script").hint(
                "NAME=VALUE, one on each line; sealed for that agent, and never shown again. Empty: those that are there "
                    + "stay. NAME= takes one away. Where the program or its variables change, enter them again."),
        ]
    }

    static func fill(_ values: inout FormValues, from record: KnocRecord) {
        var counts: [AgentID?: Int] = [:]
        for spec in record.enforcement {
            let number = counts[spec.agentID, default: 0]
            counts[spec.agentID] = number + 1
            let place = Place(agent: spec.agentID, number: number)
            values[place.name("zone")] = spec.zone
            BackendForm.fill(&values, from: spec.backend, place.name)
        }
    }

    /// Every place that was sent, in the form's order.
    ///
    /// - Parameter record: what is there already, whose sealed values stay unless they are entered anew.
    static func specs(
        _ values: FormValues, _ errors: inout FormErrors, of record: KnocRecord? = nil
    ) -> [EnforcementSpec] {
        values.names.compactMap(place).sorted { $0.order < $1.order }.compactMap { place in
            let ways = record?.enforcement.filter { $0.agentID == place.agent } ?? []
            let old = ways.indices.contains(place.number) ? ways[place.number].backend : nil
            guard let backend = BackendForm.backend(values, place.name, &errors, replacing: old) else { return nil }
            if let agent = place.agent { return EnforcementSpec(agentID: agent, backend: backend) }
            do throws(ModelError) {
                let zone = try EnforcementPlace.zone(values.text(place.name("zone"))).validated("zone")
                return EnforcementSpec(place: zone, backend: backend)
            } catch {
                errors.fields[place.name("zone")] = Sentence.beside(error.message)
                return nil
            }
        }
    }

    private static func place(_ field: String) -> Place? {
        let parts = field.split(separator: ".")
        guard parts.count == 4, parts[0] == "at", parts[3] == "backend", let number = Int(parts[2]) else { return nil }
        if parts[1] == "zone" { return Place(agent: nil, number: number) }
        return AgentID(String(parts[1])).map { Place(agent: $0, number: number) }
    }
}
