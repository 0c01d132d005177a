import Foundation
import Glibc
import KnocknocMoments
import Lab
import Testing

/// A site whose processes stop at moments, with Alice, two Knocs of hers, and Mallory who keeps trying both.
final class MomentScene {
    private static let briefly = 4
    private static let lasting = 600

    private let site: Site
    private let nodeA: ServerProcess
    private let nodeB: ServerProcess
    private let agent: AgentProcess
    private let database: PostgresCluster
    private let lastingKnoc: String
    private let briefKnoc: String
    private let alice: [WebClient]
    private let services: [Probe]
    private let mallory: [Probe]
    /// On ``Clock``: when what was last asked for must have ended at the latest, by port.
    private var latest: [Int: Double] = [:]

    init(_ site: Site) async throws {
        self.site = site
        nodeA = site.nodes[0]
        nodeB = site.nodes[1]
        agent = try #require(site.agent)
        database = try #require(site.postgres)
        for (name, node) in [("nodeA", site.nodes[0]), ("nodeB", site.nodes[1])] {
            await node.stop(SIGTERM)
            await node.set("TEST_KNOCKNOC_MOMENTS", try Self.folder(site, name))
            try await node.start()
        }
        await agent.stop(SIGTERM)
        await agent.set("TEST_KNOCKNOC_MOMENTS", try Self.folder(site, "agent"))
        try await agent.start()
        let group = try await site.make(group: "staff")
        try await site.make(user: "alice", groups: [group])
        lastingKnoc = try await site.make(
            knoc: "lasting", groups: [group], backend: try await site.backend(.guard, port: 9000),
            seconds: Self.lasting)
        briefKnoc = try await site.make(
            knoc: "brief", groups: [group], backend: try await site.backend(.guard, port: 9001), seconds: Self.briefly)
        try await site.untilTargetsApplied("lasting", "brief")
        let first = try nodeA.client(on: site.alice)
        try await first.signIn("alice", Site.password)
        let second = try nodeB.client(on: site.alice)
        await second.use(token: await first.token)
        alice = [first, second]
        services = [
            try await Probe.service(on: site.gateway, port: 9000),
            try await Probe.service(on: site.gateway, port: 9001),
        ]
        mallory = try [9000, 9001].map { try Probe.watch(from: site.mallory, to: site.gateway.ipv4, port: $0) }
        for probe in mallory { try await probe.until(open: false) }
    }

    private static func folder(_ site: Site, _ name: String) throws -> String {
        let path = site.folder.path + "/moments-" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    func end() async throws {
        for probe in mallory { #expect(probe.changes.allSatisfy { !$0.open }, "it was open to Mallory") }
        for probe in services + mallory { await probe.stop() }
    }

    func run(_ item: MomentCase) async throws {
        try await prepare(item)
        let request = try await begin(item)
        let stopped = try await reached(item)
        try await kill(item.victim, stopped)
        let acknowledged = await request?.value ?? false
        if item.operation == .expiry { try await checkEnd() }
        try await agree(item, acknowledged)
        if try await state("lasting", alice[0]) == "open" { _ = try await alice[0].change("DELETE", lastingKnoc) }
        for probe in mallory { #expect(probe.changes.allSatisfy { !$0.open }, "\(item): open to Mallory") }
    }

    /// Nothing is open but what the operation needs, and the agent's link is at node B.
    private func prepare(_ item: MomentCase) async throws {
        if try await site.agentRecord()["node"].string != nodeB.host.namespace {
            await agent.stop(SIGTERM)
            try await agent.start()
        }
        try await site.untilAgentIs(at: nodeB.host.namespace)
        try await Lab.until("everything is closed") {
            try await site.gateway.guards().values.allSatisfy(\.isEmpty)
        }
        guard item.operation == .revoke else { return }
        let granted = try await alice[0].change("POST", lastingKnoc)
        guard granted["state"].string == "open" else { throw LabError("before it: \(granted)") }
        latest[9000] = Clock.now + Double(Self.lasting)
    }

    /// Has processes stop at the moment and begins the operation.
    ///
    /// - Returns: whether the person was told that it was done.
    private func begin(_ item: MomentCase) async throws -> Task<Bool, Never>? {
        let (client, knoc) = (alice[0], lastingKnoc)
        switch item.operation {
        case .grant:
            try arm(item)
            latest[9000] = Clock.now + 60 + Double(Self.lasting)
            return Task { (try? await client.change("POST", knoc, wait: 1000)) != nil }
        case .revoke:
            try arm(item)
            return Task { (try? await client.change("DELETE", knoc, wait: 1000)) != nil }
        case .expiry:
            for _ in 1...5 {
                let begun = Clock.now
                let granted = try await client.change("POST", briefKnoc)
                latest[9001] = Clock.now + Double(Self.briefly)
                guard granted["state"].string == "open" else { throw LabError("before it: \(granted)") }
                try arm(item)
                // Else the end may have come already, on a machine that has much to do.
                if Clock.now < begun + Double(Self.briefly) - 1 { return nil }
                disarm(item)
                try await Lab.until("it ends") { try await state("brief", client) == "closed" }
            }
            throw LabError("this machine is too slow")
        }
    }

    /// Who may come to the moment: what expires is ended by whichever node is first.
    private func places(_ item: MomentCase) -> [String] {
        switch MomentCase.places[item.moment] {
        case .agent?: ["agent"]
        case .linkNode?: ["nodeB"]
        default: item.operation == .expiry ? ["nodeA", "nodeB"] : ["nodeA"]
        }
    }

    private func path(_ place: String, _ item: MomentCase) -> String {
        "\(site.folder.path)/moments-\(place)/\(item.moment.rawValue)"
    }

    private func arm(_ item: MomentCase) throws {
        for place in places(item) { try Data().write(to: URL(fileURLWithPath: path(place, item))) }
    }

    private func disarm(_ item: MomentCase) {
        for place in places(item) { unlink(path(place, item)) }
    }

    /// Waits until somebody stands at the moment.
    ///
    /// - Returns: all who do.
    private func reached(_ item: MomentCase) async throws -> [String] {
        func standing() -> [String] {
            places(item).filter { FileManager.default.fileExists(atPath: path($0, item) + ".reached") }
        }
        try await Lab.until("\(item.moment.rawValue) is reached") { !standing().isEmpty }
        disarm(item)
        let stopped = standing()
        for place in stopped { unlink(path(place, item) + ".reached") }
        return stopped
    }

    /// Kills and starts again, and has those go on who stand at the moment and live.
    private func kill(_ victim: MomentCase.Victim, _ stopped: [String]) async throws {
        switch victim {
        case .nodeA: await nodeA.stop(SIGKILL)
        case .nodeB: await nodeB.stop(SIGKILL)
        case .agent: await agent.stop(SIGKILL)
        case .database: try await database.crash()
        }
        for place in stopped where place != victim.rawValue {
            let pid =
                switch place {
                case "nodeA": await nodeA.pid
                case "nodeB": await nodeB.pid
                default: await agent.pid
                }
            guard let pid else { continue }
            // One that is told to go on before it stands would stand for ever.
            try await Lab.until("\(place) stands") {
                try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).contains(") T ")
            }
            Glibc.kill(pid, SIGCONT)
        }
        switch victim {
        case .nodeA: try await nodeA.start()
        case .nodeB: try await nodeB.start()
        case .agent: try await agent.start()
        case .database: try await database.start()
        }
    }

    /// Past its end the port is closed, whoever is alive to see to it.
    private func checkEnd() async throws {
        let end = (latest[9001] ?? 0) + 0.05
        try await Lab.until("the end") { Clock.now > end }
        let isOpen = try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9001)
        #expect(!isOpen, "open past its end")
    }

    private func state(_ knoc: String, _ client: WebClient) async throws -> String? {
        let answer = try await client.get("/api/v1/me/knocs")
        return answer.json["items"].items.first { $0["name"].string == knoc }?["state"].string
    }

    /// Both nodes and the kernel say the same, and what the person was told is so.
    private func agree(_ item: MomentCase, _ acknowledged: Bool) async throws {
        var seen = ""
        do {
            try await Lab.until("both nodes and the kernel agree") {
                let begun = Clock.now
                let kernel = try await site.gateway.guards()
                for (port, members) in kernel {
                    guard members.keys.allSatisfy({ $0 == site.alice.ipv4 }) else { throw LabError("\(kernel)") }
                    for left in members.values where begun + left > (latest[port] ?? 0) + 1 {
                        throw LabError("port \(port) is open for \(left) s")
                    }
                }
                let open = [9000, 9001].map { kernel[$0]?.isEmpty == false ? "open" : "closed" }
                var all = ["kernel \(open)"]
                var agrees = true
                for client in alice {
                    let states = [try await state("lasting", client), try await state("brief", client)]
                    all.append("\(states)")
                    agrees = agrees && states == open
                }
                seen = all.joined(separator: " ")
                let wanted: String? =
                    switch item.operation {
                    case .grant: acknowledged ? "open" : nil
                    case .revoke: acknowledged ? "closed" : nil
                    case .expiry: "closed"
                    }
                return agrees && open[1] == "closed" && (wanted.map { $0 == open[0] } ?? true)
            }
        } catch { throw LabError("\(error); told: \(acknowledged); \(seen)") }
        let isOpen = try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000)
        let shows = try await site.gateway.guards()[9000]?.isEmpty == false
        #expect(isOpen == shows, "\(item): the port is not as its set says")
    }
}
