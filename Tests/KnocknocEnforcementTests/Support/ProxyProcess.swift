import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// A real HAProxy on the gateway, before a service of the inner host: port 9000 asks a map, port 9001 an access list,
/// port 9002 lists of the administrator's own.
final class ProxyProcess {
    static let skipped: Comment = "skipped: needs haproxy(8), and what network namespaces need"
    static let available = TestNetwork.available && access("/usr/sbin/haproxy", X_OK) == 0

    let network: TestNetwork
    let folder: String
    private var process = Process()

    var socket: String { folder + "/run/admin.sock" }
    var map: String { folder + "/lists/knocknoc.map" }
    var list: String { folder + "/lists/knocknoc.acl" }
    /// The administrator's: it holds 192.0.2.7, and list #102 192.0.2.8.
    var friends: String { folder + "/own/friends.acl" }

    init(_ network: TestNetwork) throws {
        self.network = network
        folder = "/tmp/knh\(UInt32.random(in: 0x1000_0000...0xffff_ffff))"
        for name in ["", "/run", "/lists", "/own"] {
            try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
        }
        for file in [map, list] { try "".write(toFile: file, atomically: true, encoding: .utf8) }
        try "192.0.2.7\n".write(toFile: friends, atomically: true, encoding: .utf8)
        try configuration.write(toFile: folder + "/haproxy.cfg", atomically: true, encoding: .utf8)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    private var configuration: String {
        """
        global
            stats socket \(socket) mode 660 level admin expose-fd listeners
            stats timeout 5s
            hard-stop-after 30s
        defaults
            mode tcp
            timeout connect 5s
            timeout client 1m
            timeout server 1m
        frontend mapped
            bind :::9000 v4v6
            tcp-request connection set-var(sess.until) src,map_ip_int(\(map),0)
            tcp-request connection set-var(sess.now) date()
            tcp-request connection reject unless { var(sess.until),sub(sess.now) -m int gt 0 }
            default_backend inner
        frontend listed
            bind :::9001 v4v6
            acl member src -f \(list) -u 101
            tcp-request connection reject unless member
            default_backend inner
        frontend own
            bind :::9002 v4v6
            acl friend src -f \(friends)
            acl office src -u 102 192.0.2.8
            tcp-request connection reject unless friend or office
            default_backend inner
        backend inner
            server inner \(network.address(.inner)):9000

        """
    }

    /// Starts it, and waits until it answers.
    func start() throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/nsenter")
        process.arguments = ["--net=" + network.path(.gateway), "haproxy", "-W", "-db", "-f", folder + "/haproxy.cfg"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try until("HAProxy answers") { (try? self.worker()) != nil }
        try until("the master takes signals") { self.catches(SIGUSR2) }
    }

    /// Whether the master has a handler; until it does, it ignores the signal to reload, though a worker answers.
    private func catches(_ signal: Int32) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let caught = status?.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last
        return caught.flatMap { UInt64($0, radix: 16) }.map { $0 & 1 << (signal - 1) != 0 } ?? false
    }

    func stop() {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
    }

    /// Has the master start another worker, and waits until that one answers.
    func reload() throws {
        let before = try worker()
        kill(process.processIdentifier, SIGUSR2)
        try until("another worker answers") { (try? self.worker()).map { $0 != before } ?? false }
    }

    func worker() throws -> String {
        let answer = try ask("show info")
        return try #require(answer.split(separator: "\n").first { $0.hasPrefix("Pid: ") }.map(String.init))
    }

    func ask(_ command: String) throws -> String { try RuntimeSocket(path: socket).run([command])[0] }

    /// What the list holds now, by address.
    func entries(_ name: String) throws -> [String: String?] {
        let found = try #require(ProxyList.entries(in: try ask("show " + name)))
        return Dictionary(found.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// Whether bytes come back through it.
    func passes(_ host: TestNetwork.Host, _ family: IPAddress.Family = .v4, port: UInt16 = 9000) throws -> Bool {
        let address = network.address(.gateway, family)
        guard let caller = try Caller(network, host, to: address, port: port) else { return false }
        defer { caller.stop() }
        return caller.hears(milliseconds: 400)
    }

    func until(_ what: String, _ condition: () throws -> Bool) throws {
        let end = Sockets.now() + 60_000
        while try !condition() {
            try #require(Sockets.now() < end, "\(what): not within 60 s")
            poll(nil, 0, 5)
        }
    }

    func target(
        _ number: UInt128, timed: Bool = true, flows: Bool = false, purpose: TargetDefinition.Purpose = .enforce
    )
        -> TargetDefinition
    {
        let backend = HAProxyBackend(
            socket: socket, list: timed ? .map(map) : .acl("#101"), file: timed ? map : list,
            flows: flows ? FlowMatch(protocol: .tcp, ports: [timed ? 9000 : 9001]) : nil)
        return TargetDefinition(
            id: KnocknocEnforcementTests.target(number), backend: .haproxy(backend), confirmed: true, purpose: purpose)
    }

    func enforcer(
        watch: Duration = .seconds(1), wall: @escaping @Sendable () -> Int64 = BootClock.wall
    ) throws -> HAProxyEnforcer {
        var options = HAProxyOptions(folder: folder + "/lists", sockets: [folder + "/run/"], wall: wall)
        options.watchInterval = watch
        return try HAProxyEnforcer(options)
    }
}
