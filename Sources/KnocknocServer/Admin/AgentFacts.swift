import KnocknocAccess
import KnocknocModel

/// What is known about an agent, in words.
enum AgentFacts {
    static func pill(_ agent: AgentRecord) -> Pill {
        switch agent.status {
        case .online: .ok("Online")
        case .pending: .note("Never seen", icon: "clock")
        case .stale: Pill(kind: "wait", icon: "failed", text: "Silent")
        case .offline: .bad("Offline")
        case .outdated: .note("Outdated", icon: "clock")
        case .duplicate: .bad("Duplicate")
        case .disabled: .quiet("Disabled", icon: "refused")
        }
    }

    static func facts(_ agent: AgentRecord) -> [FormPage.Fact] {
        var facts = [
            FormPage.Fact(label: "State", pill: pill(agent), text: agent.node.map { "through web node \($0)" })
        ]
        if let node = agent.declaredBy {
            facts.append(FormPage.Fact(label: "Declared", text: "by a file in AgentsDir of web node \(node)"))
        }
        if let address = agent.duplicateAddress {
            facts.append(FormPage.Fact(label: "A second one", text: "with its identity came from \(address)"))
        }
        if let seen = agent.lastSeenAt { facts.append(FormPage.Fact(label: "Last seen", time: TimeText(seen))) }
        if let since = agent.connectedAt { facts.append(FormPage.Fact(label: "Linked since", time: TimeText(since))) }
        facts.append(
            FormPage.Fact(
                label: "Entries in force", text: "\(agent.entriesApplied) of \(agent.entriesWanted) wanted"))
        let machine = [agent.software.map { "knocknoc-agent \($0)" }, agent.machine, agent.system].compactMap(\.self)
            .filter { !$0.isEmpty }
        if !machine.isEmpty { facts.append(FormPage.Fact(label: "Runs", text: machine.joined(separator: " · "))) }
        for (name, value) in agent.capabilities.sorted(by: { $0.key < $1.key }) where name != "name" {
            let label = ["ipset", "nftables"].contains(name) ? name : name.prefix(1).uppercased() + name.dropFirst()
            facts.append(FormPage.Fact(label: label, text: value))
        }
        if let fingerprint = agent.fingerprint { facts.append(FormPage.Fact(label: "Key", mono: fingerprint)) }
        return facts
    }

    static func actions(_ agent: AgentRecord) -> [FormPage.Action] {
        let path = "/admin/agents/\(agent.id)"
        return [
            FormPage.Action(path: path + "/ping", label: "Ping", ping: agent.id.description),
            FormPage.Action(path: path + "/resync", label: "Resync"),
        ]
            + (agent.embedded || agent.declaredBy != nil
                ? [] : [FormPage.Action(path: path + "/rotate", label: "Rotate token")])
    }

    static func keyCall(_ agent: AgentRecord, offered: String) -> FormPage.Call {
        FormPage.Call(
            kind: "bad", title: "\(agent.name) came with another key and was turned away",
            text: "It offered \(offered). If you have installed the agent anew, compare this with what "
                + "knocknoc-agent status prints on that machine, then approve it. If not, somebody has its token.",
            path: "/admin/agents/\(agent.id)/approve-key", label: "Approve this key",
            hidden: [FormPage.Call.Hidden(name: "fingerprint", value: offered)])
    }
}
