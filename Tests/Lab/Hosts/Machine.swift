import Foundation
import Glibc

/// A whole Debian host: its own disk, its own systemd, its own network, and a power switch.
public actor Machine {
    public nonisolated let name: String
    /// How the machine is seen on the wire, and looked at from outside: probes run there.
    public nonisolated let host: Host
    let image: HostImage
    let network: Network
    /// Holds the disk: what it wrote since the image. It outlives a power cut.
    nonisolated let folder: URL
    /// The names of all hosts on the wire, the same file for all.
    let names: URL
    /// While it is switched on.
    private var supervisor: LabProcess?
    var systemd: pid_t?

    init(_ name: String, on host: Host, image: HostImage, network: Network, names: URL) throws {
        self.name = name
        self.host = host
        self.image = image
        self.network = network
        self.names = names
        folder = try Lab.temporaryFolder("host-\(name)", readable: true, in: Rack.disks)
        for part in ["upper", "overlay", "root"] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(part), withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o755])
        }
        try prepareDisk()
    }

    public nonisolated var ipv4: String { host.ipv4 }
    public var isOn: Bool { systemd != nil }

    /// Switches it on and waits until systemd has started everything.
    ///
    /// - Throws: where a unit failed, with its name and what it logged.
    public func boot() async throws {
        try await powerOn()
        let state = try await settled()
        guard state != "running" else { return }
        let failed = try await attempt(["systemctl", "--failed", "--plain", "--no-legend"]).text
        throw LabError("\(name) is \(state):\n\(failed)\n\(await journal(100))")
    }

    /// Switches it on, and returns as soon as its systemd can be spoken with.
    public func powerOn() async throws {
        guard systemd == nil else { return }
        try await network.unplug(host)
        try await network.plug(host)
        let process = try LabProcess(
            ["unshare", "--mount", "bash", "-euo", "pipefail", "-c", Self.script, "boot"] + scriptArguments)
        supervisor = process
        let end = Clock.now + 60
        while Clock.now < end, process.isRunning {
            if let child = Self.systemd(under: process.pid) {
                systemd = child
                let answer = try await attempt(["systemctl", "is-system-running"]).text
                if !answer.isEmpty, !answer.hasPrefix("unknown"), !answer.hasPrefix("offline") { return }
                systemd = nil
            }
            try await Task.sleep(for: .milliseconds(30))
        }
        throw LabError("\(name) did not boot: \(process.errorText)\n\(process.outputLines.joined(separator: "\n"))")
    }

    /// What `systemctl is-system-running --wait` says: `running`, `degraded`.
    public func settled() async throws -> String {
        try await attempt(["systemctl", "is-system-running", "--wait"]).line
    }

    /// Every process of it is killed at once; the kernel answers for its addresses with resets, as after a crash of
    /// everything but the kernel.
    public func kill() async {
        guard let systemd else { return }
        self.systemd = nil
        _ = Glibc.kill(systemd, SIGKILL)
        // nspawn ends by itself when its systemd is gone.
        await supervisor?.stop(0)
        supervisor = nil
    }

    /// The power is gone: nothing answers for its addresses any more.
    public func powerOff() async throws {
        try await network.reach(host, false)
        await kill()
        try await network.unplug(host)
    }

    /// Power off and on again; returns when everything has started.
    public func powerCycle() async throws {
        try await powerOff()
        try await boot()
    }

    /// Cuts it off the network at the switch, while it goes on; or joins it again.
    public func reach(_ up: Bool) async throws { try await network.reach(host, up) }

    func remove() async {
        await kill()
        _ = try? await Shell.run(["bash", "-c", Self.removal, "remove", Self.group(host), folder.path])
    }

    static func group(_ host: Host) -> String { host.namespace }

    /// systemd is the one process that nspawn has started.
    private static func systemd(under nspawn: pid_t) -> pid_t? {
        let children = try? String(contentsOfFile: "/proc/\(nspawn)/task/\(nspawn)/children", encoding: .utf8)
        for child in (children ?? "").split(separator: " ").compactMap({ pid_t($0) }) {
            let status = (try? String(contentsOfFile: "/proc/\(child)/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("NSpid:") }
            // Number 1 in its own namespace, and already what was to be started there.
            if line?.split(separator: "\t").last == "1", status.hasPrefix("Name:\tsystemd\n") { return child }
        }
        return nil
    }
}
