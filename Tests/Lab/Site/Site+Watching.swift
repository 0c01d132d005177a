public import Foundation
import Glibc

extension Site {
    /// SIGKILL to every server and agent, the all-in-one's child too, the servers first.
    public func killEverything() async throws {
        for node in nodes { await node.stop(SIGKILL) }
        if let agent {
            await agent.stop(SIGKILL)
        } else {
            for pid in try await agentPIDs() { kill(pid, SIGKILL) }
        }
    }

    /// The agents that run on the gateway.
    public func agentPIDs() async throws -> [pid_t] {
        let pids = try await Shell.run(["ip", "netns", "pids", gateway.namespace]).text.split(separator: "\n")
        var agents: [pid_t] = []
        for pid in pids.compactMap({ pid_t($0) }) {
            let name = try await Shell.run(["cat", "/proc/\(pid)/comm"]).text
            if name.hasPrefix("knocknoc-agent") { agents.append(pid) }
        }
        return agents
    }

    /// Where the agent keeps what closes the guarded ports at boot.
    public nonisolated var guardFile: String {
        topology == .allInOne ? folder.path + "/data/agent/guard.nft" : folder.path + "/agent/guard.nft"
    }

    /// Waits until the remote agent's file knows of an address.
    public func untilStateFile(holds address: String, within limit: Double = 60) async throws {
        let end = Clock.now + limit
        while Clock.now < end {
            let text = (try? String(contentsOfFile: folder.path + "/agent/state.json", encoding: .utf8)) ?? ""
            if text.contains("\"\(address)\"") { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw LabError("the state file never held \(address)")
    }

    /// Takes every member out of the agent's own sets, rules untouched.
    public func emptyGuardSets() async throws {
        let listing = try await gateway.run(["nft", "list", "sets", "inet"]).text
        var table = ""
        var commands = ""
        for line in listing.split(separator: "\n").map({ $0.drop { $0 == "\t" || $0 == " " } }) {
            let words = line.split(separator: " ")
            if words.first == "table", words.count > 2 { table = String(words[2]) }
            if words.first == "set", words.count > 1, table == "knocknoc" {
                commands += "flush set inet knocknoc \(words[1])\n"
            }
        }
        try await gateway.nft(commands)
    }

    /// The certificate that both nodes show, in PEM.
    public nonisolated func nodeCertificate() throws -> String {
        try String(contentsOfFile: folder.path + "/cert.pem", encoding: .utf8)
    }

    /// One more host on the wire.
    public func another(_ label: String, _ number: Int) async throws -> Host {
        try await network.host(label, number)
    }
}

extension Site {
    /// What the servers and the agent have written and everybody on the machine may read.
    public func readableFiles() async throws -> [URL] {
        let found = try await Shell.check(["find", folder.path, "-type", "f", "-perm", "-004"]).text
        return found.split(separator: "\n").map { URL(fileURLWithPath: String($0)) }
    }
}
