import Foundation
import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocReverseProxy

/// The agent of a machine that is a folder.
final class MachineFolder {
    let root = FileManager.default.temporaryDirectory.path + "/knocknoc-proxy-\(UUID().uuidString)"

    init(agent: String?) throws {
        for folder in ["/etc/haproxy", "/var/lib/knocknoc-agent", "/opt/knocknoc-agent/etc"] {
            try FileManager.default.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
        }
        if let agent {
            try agent.write(toFile: layout.agentConfiguration, atomically: true, encoding: .utf8)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    var layout: ReverseProxyLayout { ReverseProxyLayout(root: root) }
    var standardSockets: String { "HAProxySockets = \(root)/run/haproxy/\n" }
}

@Suite("what is asked of a reverse proxy")
struct ChangeTests {
    private func change(_ make: (inout ReverseProxyChange) throws -> Void) rethrows -> ReverseProxyChange {
        var change = ReverseProxyChange()
        try make(&change)
        return change
    }

    private func first() throws -> ReverseProxyChange {
        try change {
            $0.portal = WebOrigin("https://knock.example")
            $0.domains = [try Domain(parsing: "app.example")]
            $0.upstreams = [try Upstream(parsing: "127.0.0.1:8080")]
            $0.httpOnly = true
        }
    }

    @Test("what is not named stays; what is named replaces; everything closes again by one word")
    func stays() throws {
        let machine = try MachineFolder(agent: nil)
        let agent = try AgentPlace(machine.layout, ports: [])
        let standard = [FrontAddress(.v4(0))]
        #expect(throws: SystemError.self) {
            try ReverseProxyChange().applied(to: nil, agent: agent, standard: standard)
        }
        let one = try first().applied(to: nil, agent: agent, standard: standard)
        #expect(one.doors.map(\.name) == ["door"] && one.binds == standard && one.ports == [80])
        #expect(one.lists == machine.root + "/var/lib/knocknoc-agent/haproxy")
        let two = try change {
            $0.gatedPaths = [try GatePath(parsing: "/admin/*")]
            $0.passedPaths = [try GatePath(parsing: "/cb")]
            $0.gatedMethods = ["POST"]
        }.applied(to: one, agent: agent, standard: [])
        #expect(two.doors[0].gatedPaths.count == 1 && two.doors[0].domains == one.doors[0].domains)
        let three = try change {
            $0.name = "git"
            $0.domains = [try Domain(parsing: "git.example")]
            $0.upstreams = [try Upstream(parsing: "https://git.internal:443")]
        }.applied(to: two, agent: agent, standard: [])
        #expect(three.doors.map(\.name) == ["door", "git"] && three.doors[0] == two.doors[0])
        let four = try change {
            $0.gatedPaths = [try GatePath(parsing: "/*")]
            $0.passedPaths = []
            $0.gatedMethods = []
        }.applied(to: three, agent: agent, standard: [])
        #expect(four.doors[0] == one.doors[0] && four.doors[1] == three.doors[1])
        let open = try change { $0.passedPaths = [try GatePath(parsing: "/*")] }
        #expect(throws: SystemError.self) { try open.applied(to: one, agent: agent, standard: []) }
    }

    @Test("the agent's own file says where lists are, and is told of a socket that it does not allow")
    func agentFile() throws {
        let plain = try MachineFolder(agent: "Token = x # mine\n")
        let there = try AgentPlace(plain.layout, ports: [443])
        // Not under /run/haproxy/, as it would be on a real machine.
        #expect(
            there.changed == "Token = x # mine\nHAProxySockets = /run/haproxy/, \(plain.layout.socket)\n")
        let allowed = try MachineFolder(agent: nil)
        try ("StateFile = /srv/agent/state.json\n" + allowed.standardSockets).write(
            toFile: allowed.layout.agentConfiguration, atomically: true, encoding: .utf8)
        let missing = #expect(throws: SystemError.self) { try AgentPlace(allowed.layout, ports: []) }
        #expect(missing?.code == .missing && missing?.message.contains("/srv/agent is not there") == true)
        let memory = try MachineFolder(agent: nil)
        try ("StateFile = none\nKeyFile = /k\n" + memory.standardSockets).write(
            toFile: memory.layout.agentConfiguration, atomically: true, encoding: .utf8)
        let place = try AgentPlace(memory.layout, ports: [])
        #expect(place.lists == memory.root + "/var/lib/knocknoc-agent/haproxy")
        #expect(place.changed?.hasSuffix("HAProxyFolder = \(place.lists)\n") == true)
        let own = try MachineFolder(agent: nil)
        let folder = own.root + "/var/lib/knocknoc-agent"
        let text = "HAProxyFolder = \(folder)\nAllowBackends = nftables, ipset\nAllowPorts = 80, 8000-8100\n"
        try (text + own.standardSockets).write(
            toFile: own.layout.agentConfiguration, atomically: true, encoding: .utf8)
        let limited = try AgentPlace(own.layout, ports: [443, 8050])
        #expect(limited.lists == folder && limited.changed == nil)
        #expect(limited.notes.count == 2, "\(limited.notes)")
        #expect(limited.notes.contains { $0.contains("AllowBackends does not name haproxy") })
        #expect(limited.notes.contains { $0.contains("AllowPorts does not name 443") })
    }

    @Test("an all-in-one's agent is in its data folder; without an agent there is nothing to set up")
    func whichAgent() throws {
        let machine = try MachineFolder(agent: nil)
        let data = machine.root + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        let place = try AgentPlace(ReverseProxyLayout(root: machine.root, dataDirectory: data), ports: [])
        #expect(place.lists == data + "/agent/haproxy" && place.owner == geteuid() && place.changed == nil)
        #expect(throws: SystemError.self) {
            try AgentPlace(ReverseProxyLayout(root: machine.root, dataDirectory: "data"), ports: [])
        }
        try FileManager.default.removeItem(atPath: machine.root + "/var")
        #expect(throws: SystemError.self) { try AgentPlace(machine.layout, ports: []) }
    }
}
