import Foundation
import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocEnforcement

/// A gateway with three hosts behind it, each in a network namespace of its own, on names nobody else has:
/// alice 10.77.1.2, mallory 10.77.2.2, inner 10.77.3.2 (and fd77:1::2 and so on); the gateway is .1 on each.
final class TestNetwork: Sendable {
    enum Host: String, CaseIterable { case gateway, alice, mallory, inner }

    static let skipped: Comment = "skipped: real network namespaces need root with CAP_NET_ADMIN, ip(8) and nft(8)"
    /// Whether namespaces and the packet filter are to be had here.
    static let available: Bool = {
        guard geteuid() == 0, NetworkCapability.probe() == .available else { return false }
        let name = "kne\(UInt32.random(in: 0...0xffff))probe"
        guard (try? run("ip", "netns", "add", name)) != nil else { return false }
        _ = try? run("ip", "netns", "del", name)
        return true
    }()

    private let prefix = "kne" + String(UInt32.random(in: 0x1000...0xffff), radix: 16)

    init() throws {
        let prefix = prefix
        Self.live.withLock { _ = $0.insert(prefix) }
        for host in Host.allCases {
            try Self.run("ip", "netns", "add", name(host))
            try ip(host, "link set lo up")
            try sysctl(host, "net.ipv6.conf.all.forwarding=1")
            try sysctl(host, "net.ipv6.conf.all.accept_dad=0")
            try sysctl(host, "net.ipv6.conf.default.accept_dad=0")
            try sysctl(host, "net.ipv4.ip_forward=1")
        }
        for (number, host) in [(1, Host.alice), (2, .mallory), (3, .inner)] {
            try ip(.gateway, "link add to\(number) type veth peer name eth0 netns \(name(host))")
            try ip(.gateway, "addr add 10.77.\(number).1/24 dev to\(number)")
            try ip(.gateway, "addr add fd77:\(number)::1/64 dev to\(number) nodad")
            try ip(.gateway, "link set to\(number) up")
            try ip(host, "addr add 10.77.\(number).2/24 dev eth0")
            try ip(host, "addr add fd77:\(number)::2/64 dev eth0 nodad")
            try ip(host, "link set eth0 up")
            try ip(host, "route add default via 10.77.\(number).1")
            try ip(host, "route add default via fd77:\(number)::1")
        }
    }

    deinit { Self.remove(prefix) }

    /// Networks that are still there; those that a failed test holds are removed when the process ends.
    private static let live: Mutex<Set<String>> = {
        atexit { for prefix in TestNetwork.live.withLock({ $0 }) { TestNetwork.remove(prefix) } }
        return Mutex([])
    }()

    private static func remove(_ prefix: String) {
        live.withLock { _ = $0.remove(prefix) }
        for host in Host.allCases { _ = try? run("ip", "netns", "del", prefix + host.rawValue) }
    }

    func path(_ host: Host) -> String { "/run/netns/" + name(host) }

    func address(_ host: Host, _ family: IPAddress.Family = .v4) -> IPAddress {
        switch (host, family) {
        case (.gateway, .v4): .v4(0x0a4d_0101)
        case (.gateway, .v6): .v6(0xfd77_0001 << 96 | 1)
        case (.alice, .v4): .v4(0x0a4d_0102)
        case (.alice, .v6): .v6(0xfd77_0001 << 96 | 2)
        case (.mallory, .v4): .v4(0x0a4d_0202)
        case (.mallory, .v6): .v6(0xfd77_0002 << 96 | 2)
        case (.inner, .v4): .v4(0x0a4d_0302)
        case (.inner, .v6): .v6(0xfd77_0003 << 96 | 2)
        }
    }

    func ip(_ host: Host, _ words: String) throws {
        try Self.run(["ip", "-n", name(host)] + words.split(separator: " ").map(String.init))
    }

    @discardableResult
    func nft(_ host: Host, _ command: String) throws -> String {
        try Self.run("ip", "netns", "exec", name(host), "nft", command)
    }

    @discardableResult
    func ipset(_ host: Host, _ words: String) throws -> String { try execute(host, "ipset \(words)") }

    /// Runs a command of words without spaces there.
    @discardableResult
    func execute(_ host: Host, _ words: String) throws -> String {
        try Self.run(["ip", "netns", "exec", name(host)] + words.split(separator: " ").map(String.init))
    }

    func sysctl(_ host: Host, _ setting: String) throws {
        try Self.run("ip", "netns", "exec", name(host), "sysctl", "-q", "-w", setting)
    }

    /// Runs `body` on a thread of that host.
    func on<Result: Sendable>(_ host: Host, _ body: @escaping @Sendable () -> Result) throws -> Result {
        let box = Box<Result>()
        let done = DispatchSemaphore(value: 0)
        try startThread("test", networkNamespace: path(host)) {
            box.value = body()
            done.signal()
        }
        done.wait()
        return try #require(box.value)
    }

    private func name(_ host: Host) -> String { prefix + host.rawValue }

    // One thread writes it before the other is woken to read it.
    private final class Box<Value>: @unchecked Sendable { var value: Value? }

    @discardableResult
    static func run(_ words: String...) throws -> String { try run(words) }

    @discardableResult
    static func run(_ words: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw EnforcementError(.kernel, words.joined(separator: " ") + ": " + text)
        }
        return text
    }
}
