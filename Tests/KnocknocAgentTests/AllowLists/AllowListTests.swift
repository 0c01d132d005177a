import Crypto
import Foundation
import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import KnocknocAgent

@Suite("lists that an agent serves", .timeLimit(.minutes(5)))
struct AllowListTests {
    static let list = AllowListID(value: 0x6f96_19ff_8b86_4011_b42d_00c0_4fc9_64ff)
    static let secret = "knk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
    private static let key = APIKeyID(value: 7)

    static func row(
        _ revision: Int64 = 1, networks: [String] = ["127.0.0.1/32", "::1/128"], expiresAt: Timestamp? = nil,
        secret: String = secret, purpose: TargetDefinition.Purpose = .enforce
    ) throws -> TargetRow {
        let key = AllowListKey(
            id: key, hash: Array(SHA256.hash(data: Data(secret.utf8))), networks: try networks.map(CIDR.init(parsing:)),
            expiresAt: expiresAt)
        let backend = Backend.allowList(.init(service: AllowListService(id: list, keys: [key])))
        return TargetRow(
            definition: .init(id: Scene.target, backend: backend, confirmed: true, purpose: purpose),
            revision: revision)
    }

    private static func entry(_ number: UInt128, _ address: String, _ revision: Int64, ttl: Int64?) throws -> EntryRow {
        EntryRow(
            id: EntryID(value: 0x0190_0000_0000_7000_8000_0000_0000_0f00 + number), target: Scene.target,
            address: try #require(IPAddress(address)), revision: revision, ttl: ttl)
    }

    /// A port that nobody listens on, as far as anybody can know.
    static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close()
        return port
    }

    /// Runs an agent that serves lists at a port of its own.
    private func with(
        _ scene: Scene, _ servers: FakeServer..., clocks: DrivenClocks, port: Int, log: RecordedLog = RecordedLog(),
        _ body: () async throws -> Void
    ) async throws {
        var configuration = try scene.configuration()
        configuration.servers = try servers.map { try #require(ServerURL("http://127.0.0.1:\($0.port)")) }
        configuration.allowListListen = .init(host: "127.0.0.1", port: port)
        let board = AllowListBoard()
        let enforcer = CompositeEnforcer(
            nftables: nil, others: [.allowList: AllowListEnforcer(board) { clocks.boot() }])
        let agent = Agent(
            configuration: configuration, enforcer: enforcer, clocks: clocks, logger: log.logger, allowLists: board)
        let task = Task { try await agent.run() }
        do { try await body() } catch {
            task.cancel()
            Issue.record("the agent ended with \(await task.result) and logged:\n\(log.text)")
            throw error
        }
        task.cancel()
        try await task.value
    }

    @Test(
        "a strict device follows what the server says, and what the agent knows when the server is away or it starts anew"
    )
    func device() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let clocks = DrivenClocks()
        let port = try await Self.freePort()
        let device = StrictListClient("http://127.0.0.1:\(port)/edl/\(Self.list)", secret: Self.secret)
        let server = try await FakeServer.start()
        try await with(scene, server, clocks: clocks, port: port) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(
                Scene.position(2), targets: [Self.row()],
                entries: [
                    Self.entry(1, "192.0.2.7", 2, ttl: 60_000), Self.entry(2, "2001:db8::7", 2, ttl: 120_000),
                ])
            await link.waitApplied(2)
            #expect(link.applied.last?.failures == [])
            await device.poll()
            #expect(device.fault == nil && device.lines == ["192.0.2.7", "2001:db8::7"])
            let tag = device.tag
            await device.poll()
            #expect(device.fault == nil && device.tag == tag)
            try link.changes(
                Scene.position(2), Scene.position(3), entries: [Self.entry(3, "192.0.2.8", 3, ttl: 600_000)])
            await link.waitApplied(3)
            // Confirmed means that whoever asks gets it.
            await device.poll()
            #expect(device.lines == ["192.0.2.7", "192.0.2.8", "2001:db8::7"])
            await server.kill()
            // Nobody has to wake up for it: what is over is left out when it is asked for.
            clocks.advance(milliseconds: 60_000)
            await device.poll()
            #expect(device.fault == nil && device.lines == ["192.0.2.8", "2001:db8::7"])
        }
        await device.poll()
        #expect(device.fault != nil && device.lines.count == 2)
        try await with(scene, server, clocks: clocks, port: port) {
            await device.settle()
            #expect(device.fault == nil && device.lines == ["192.0.2.8", "2001:db8::7"])
            clocks.advance(milliseconds: 60_000)
            await device.poll()
            #expect(device.lines == ["192.0.2.8"])
        }
    }

    @Test("a key is checked without a server: hash, networks, end; and changes as the server says")
    func keys() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let clocks = DrivenClocks()
        let port = try await Self.freePort()
        let url = "http://127.0.0.1:\(port)/edl/"
        let server = try await FakeServer.start()
        func status(_ secret: String?, _ name: String = Self.list.description, method: String = "GET") async throws
            -> Int
        {
            try await StrictListClient.curl(url + name, secret: secret, method: method).status
        }
        try await with(scene, server, clocks: clocks, port: port) {
            let link = try await server.link()
            try await link.greet()
            let end = clocks.wall().adding(seconds: 30)
            try link.snapshot(Scene.position(2), targets: [Self.row(expiresAt: end)], entries: [])
            await link.waitApplied(2)
            #expect(try await status(Self.secret) == 200)
            let none = try await StrictListClient.curl(url + Self.list.description, secret: nil)
            #expect(none.status == 401 && none.fields["www-authenticate"]?.hasPrefix("Basic ") == true)
            #expect(try await status("knk_wrong") == 401)
            let other = AllowListID.random().description
            #expect(try await status("knk_wrong", other) == 401)
            #expect(try await status(Self.secret, other) == 404)
            #expect(try await status(Self.secret, "x") == 404)
            #expect(try await status(Self.secret, method: "POST") == 405)
            let head = try await StrictListClient.curl(url + Self.list.description, secret: Self.secret, method: "HEAD")
            #expect(head.status == 200 && head.fields["content-length"] == "59")
            let json = try await StrictListClient.curl(
                url + Self.list.description + ".json", secret: Self.secret, bearer: true)
            #expect(json.fields["content-type"] == "application/json")
            clocks.advance(milliseconds: 30_000)
            #expect(try await status(Self.secret) == 401)
            try link.changes(
                Scene.position(2), Scene.position(3), targets: [Self.row(3, networks: ["192.0.2.0/24"])], entries: [])
            await link.waitApplied(3)
            #expect(try await status(Self.secret) == 403)
            try link.changes(
                Scene.position(3), Scene.position(4), targets: [Self.row(4, secret: "knk_other")], entries: [])
            await link.waitApplied(4)
            #expect(try await status(Self.secret) == 401)
            #expect(try await status("knk_other") == 200)
        }
        await server.kill()
    }

    @Test(
        "a list that is taken away is empty, and not gone, also after a restart: a device would keep what it had",
        arguments: [true, false])
    func released(isDeleted: Bool) async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let port = try await Self.freePort()
        let url = "http://127.0.0.1:\(port)/edl/\(Self.list)"
        let device = StrictListClient(url, secret: Self.secret)
        let late = StrictListClient(url, secret: Self.secret)
        let clocks = DrivenClocks()
        let server = try await FakeServer.start()
        try await with(scene, server, clocks: clocks, port: port) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(
                Scene.position(2), targets: [Self.row()], entries: [Self.entry(1, "192.0.2.7", 2, ttl: 60_000)])
            await link.waitApplied(2)
            for client in [device, late] {
                await client.poll()
                #expect(client.lines == ["192.0.2.7"])
            }
            if isDeleted {
                try link.send(.bye(.init(code: .revoked, text: "deleted")))
            } else {
                try link.changes(
                    Scene.position(2), Scene.position(3), targets: [Self.row(3, purpose: .released)], entries: [])
            }
            await device.until { $0.lines == [] }
            #expect(device.fault == nil && device.lines == [])
        }
        await server.kill()
        // Who comes only after the agent's restart hears of it too; its key is in no other list.
        try await with(scene, server, clocks: clocks, port: port) {
            await late.settle()
            #expect(late.fault == nil && late.lines == [])
        }
    }

    @Test(
        "where nothing can listen the list fails with the reason, and nobody is said to be on it, until something can")
    func taken() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let clocks = DrivenClocks()
        let other = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(other.localAddress?.port)
        let server = try await FakeServer.start()
        try await with(scene, server, clocks: clocks, port: port) {
            let link = try await server.link()
            try await link.greet(heartbeat: 60_000)
            try link.snapshot(
                Scene.position(2), targets: [Self.row()], entries: [Self.entry(1, "192.0.2.7", 2, ttl: 600_000)])
            await link.waitApplied(2)
            let failures = link.applied.last?.failures ?? []
            #expect(!failures.isEmpty)
            #expect(failures.allSatisfy { $0.reason.hasPrefix("AllowListListen: cannot listen on") }, "\(failures)")
            try await other.close()
            // It is tried again after ten seconds; then the loop looks again at what it enforces.
            clocks.advance(milliseconds: 10_000)
            await link.changes.wait("the list in force", seconds: 20) {
                clocks.advance(milliseconds: 100)
                return link.applied.last?.failures == []
            }
            let device = StrictListClient("http://127.0.0.1:\(port)/edl/\(Self.list)", secret: Self.secret)
            await device.poll()
            #expect(device.lines == ["192.0.2.7"])
        }
        await server.kill()
    }

    @Test("without AllowListListen a list is refused, with words about it")
    func unset() async throws {
        let composite = CompositeEnforcer(nftables: nil)
        let outcomes = await composite.define([try Self.row().definition])
        #expect(
            outcomes[Scene.target]
                == .failed("AllowListListen is not set on this agent, so nobody could fetch the list"))
    }

    @Test("who fetched what is told to the server once a minute")
    func told() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let clocks = DrivenClocks()
        let port = try await Self.freePort()
        let device = StrictListClient("http://127.0.0.1:\(port)/edl/\(Self.list)", secret: Self.secret)
        let server = try await FakeServer.start()
        try await with(scene, server, clocks: clocks, port: port) {
            let link = try await server.link()
            try await link.greet(heartbeat: 60_000)
            try link.snapshot(Scene.position(2), targets: [Self.row()], entries: [])
            await link.waitApplied(2)
            for _ in 0..<3 { await device.poll() }
            #expect(link.fetches == [])
            clocks.advance(milliseconds: 60_000)
            await link.changes.wait("fetches") { !link.fetches.isEmpty }
            let loopback = try #require(IPAddress("127.0.0.1"))
            #expect(link.fetches == [.init(list: Self.list, key: Self.key, address: loopback, count: 3)])
        }
        await server.kill()
    }

    @Test("what was fetched while no server was there is told when one is")
    func toldLater() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let clocks = DrivenClocks()
        let port = try await Self.freePort()
        let device = StrictListClient("http://127.0.0.1:\(port)/edl/\(Self.list)", secret: Self.secret)
        let log = RecordedLog()
        let server = try await FakeServer.start()
        try await with(scene, server, clocks: clocks, port: port, log: log) {
            let link = try await server.link()
            try await link.greet(heartbeat: 60_000)
            try link.snapshot(Scene.position(2), targets: [Self.row()], entries: [])
            await link.waitApplied(2)
            await server.kill()
            await Signal().wait("the link's end", seconds: 60) { log.text.contains("the link ended") }
            for _ in 0..<2 { await device.poll() }
            #expect(device.fault == nil)
            clocks.advance(milliseconds: 60_000)
            for _ in 0..<2 { await device.poll() }
            let next = try await FakeServer.start(port: server.port)
            await next.changes.wait("a link", seconds: 60) {
                clocks.advance(milliseconds: 500)
                return !next.accepted.isEmpty
            }
            let second = try await next.link()
            try await second.greet(heartbeat: 60_000)
            try second.snapshot(Scene.position(2), targets: [Self.row()], entries: [])
            await second.waitApplied(2)
            await second.changes.wait("fetches", seconds: 60) {
                clocks.advance(milliseconds: 500)
                return !second.fetches.isEmpty
            }
            let loopback = try #require(IPAddress("127.0.0.1"))
            #expect(second.fetches == [.init(list: Self.list, key: Self.key, address: loopback, count: 4)])
            await next.kill()
        }
    }

    @Test("what is not known is not said: until the agent knows who is on a list it asks to come again")
    func notYet() throws {
        let board = AllowListBoard()
        let desk = AllowListDesk(board, clocks: DrivenClocks())
        let request = try #require(AllowListRequest(name: Self.list.description, accept: nil))
        guard case .notYet = desk.answer(request, secret: Self.secret, from: IPAddress("127.0.0.1")) else {
            Issue.record("an answer")
            return
        }
    }

    @Test("what is over is left out though nobody has taken it away, and is not served from what was written before")
    func over() async throws {
        let board = AllowListBoard()
        let clocks = DrivenClocks()
        let desk = AllowListDesk(board, clocks: clocks)
        let enforcer = AllowListEnforcer(board) { clocks.boot() }
        board.listens(failure: nil)
        let members = try ["192.0.2.7": Int64(60_000), "192.0.2.8": 120_000].map { address, left in
            Member(
                target: Scene.target, address: try #require(IPAddress(address)),
                deadline: clocks.boot().adding(milliseconds: left))
        }
        let result = await enforcer.reconcile([try Self.row().definition], members)
        #expect(result.targets == [Scene.target: .applied] && result.failures == [])
        let request = try #require(AllowListRequest(name: Self.list.description, accept: nil))
        func lines() -> Int? {
            guard case .list(let body, _) = desk.answer(request, secret: Self.secret, from: IPAddress("127.0.0.1"))
            else {
                return nil
            }
            return String(buffer: body).split(separator: "\n").count - 1
        }
        #expect(lines() == 2)
        clocks.advance(milliseconds: 61_000)
        #expect(lines() == 1)
        clocks.advance(milliseconds: 61_000)
        #expect(lines() == 0)
    }
}

extension StrictListClient {
    /// Polls until it is as expected, or a minute has passed.
    fileprivate func until(_ fits: (StrictListClient) -> Bool) async {
        let deadline = ContinuousClock.now + .seconds(60)
        repeat { await poll() } while !fits(self) && ContinuousClock.now < deadline
    }

    /// Polls until it is answered.
    fileprivate func settle() async { await until { $0.fault == nil } }
}

extension FakeLink {
    fileprivate var fetches: [AgentMessage.Fetched.Fetch] {
        received.compactMap { if case .fetched(let fetched) = $0 { fetched } else { nil } }.flatMap(\.fetches)
    }
}
