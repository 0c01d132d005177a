import Foundation
import Glibc

/// Whole Debian hosts on one wire, with people's namespaces beside them; made and removed together.
public actor Rack {
    public nonisolated let network = Network()
    private var images: [String: Task<HostImage, any Error>] = [:]
    private let folder: URL
    private var machines: [String: Machine] = [:]
    private var visitors: [String: Host] = [:]

    /// Makes the image of this computer's own release, if that is not there yet.
    public init() async throws {
        folder = try Lab.temporaryFolder("rack", readable: true)
        try Data("127.0.0.1 localhost\n::1 localhost\n".utf8).write(to: names)
        _ = try await image(of: nil)
    }

    private nonisolated var names: URL { folder.appendingPathComponent("hosts") }

    /// The machine of this name, on 10.77.0.N: new and booted, or the one that is there.
    ///
    /// - Parameter release: of Debian, such as `trixie`; this computer's own unless told otherwise. Its image is made first,
    ///   if that is not there yet.
    public func machine(_ name: String, _ number: Int, release: String? = nil) async throws -> Machine {
        if let there = machines[name] { return there }
        let image = try await image(of: release)
        if let there = machines[name] { return there }
        let host = try await network.socket(name, number)
        let machine = try Machine(name, on: host, image: image, network: network, names: names)
        machines[name] = machine
        try add(name, host)
        try await machine.boot()
        return machine
    }

    private func image(of release: String?) async throws -> HostImage {
        let release = try release ?? AptSources.ownRelease()
        let task = images[release] ?? Task { try await HostImage.ready(release) }
        images[release] = task
        return try await task.value
    }

    /// Several at once; they boot side by side.
    public func machines(_ wanted: [(String, Int)]) async throws -> [Machine] {
        let tasks = wanted.map { name, number in Task { try await machine(name, number) } }
        var result: [Machine] = []
        for task in tasks { result.append(try await task.value) }
        return result
    }

    /// Somebody's computer, of which only the network matters: on 10.77.0.N, and on further addresses where given.
    public func visitor(_ name: String, _ number: Int, also further: ClosedRange<Int>? = nil) async throws -> Host {
        if let there = visitors[name] { return there }
        let host = try await network.host(name, number)
        visitors[name] = host
        for more in further.map(Array.init) ?? [] {
            try await host.run(["ip", "addr", "add", "10.77.0.\(more)/24", "dev", "eth0"])
        }
        return host
    }

    /// Another name for a machine, as a site's DNS has it.
    public func name(_ name: String, _ machine: Machine) throws { try add(name, machine.host) }

    private func add(_ name: String, _ host: Host) throws {
        // Appended and never replaced: every machine has this very file as its /etc/hosts.
        let file = try FileHandle(forWritingTo: names)
        try file.seekToEnd()
        try file.write(contentsOf: Data("\(host.ipv4) \(name)\n\(host.ipv6) \(name)\n".utf8))
        try file.close()
    }

    /// What every machine logged last.
    public func journals(_ lines: Int = 80) async -> String {
        var text = ""
        for (name, machine) in machines.sorted(by: { $0.key < $1.key }) {
            text += "--- \(name)\n\(await machine.journal(lines))\n"
        }
        return text
    }

    /// Takes machines away for good, with their disks.
    public func scrap(_ gone: [Machine]) async {
        for machine in gone {
            machines[machine.name] = nil
            await machine.remove()
            try? await network.unplug(machine.host)
        }
    }

    public func remove() async {
        await withTaskGroup { group in
            for machine in machines.values { group.addTask { await machine.remove() } }
        }
        await network.remove()
        machines = [:]
        visitors = [:]
        try? FileManager.default.removeItem(at: folder)
    }
}

extension Rack {
    /// Where the machines' disks are: in memory where there is plenty (some 500 MB each), since packages are many small
    /// files and nothing has to stay.
    static let disks: String = {
        var space = statvfs()
        guard statvfs("/dev/shm", &space) == 0, UInt64(space.f_bavail) * UInt64(space.f_frsize) > 6 << 30 else {
            return "/var/tmp"
        }
        let memory = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        let line = memory.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        let available = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return available > 10 << 20 ? "/dev/shm" : "/var/tmp"
    }()

    /// What keeps whole hosts from running here; empty where nothing does.
    public static let obstacle: String = {
        if !Lab.obstacle.isEmpty { return Lab.obstacle }
        let programs = ["/usr/sbin/debootstrap", "/usr/bin/systemd-nspawn", "/usr/bin/nsenter", "/usr/bin/unshare"]
        for program in programs where !FileManager.default.isExecutableFile(atPath: program) {
            return "\(program) is not installed"
        }
        guard let folder = try? Lab.temporaryFolder("probe", in: disks) else { return "\(disks) cannot be written" }
        defer { try? FileManager.default.removeItem(at: folder) }
        let overlay = """
            cd "$1" && mkdir lower upper work root &&
            mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,volatile lab root
            """
        guard Shell.blocking(["unshare", "--mount", "sh", "-c", overlay, "probe", folder.path]) == 0 else {
            return "an overlay file system on \(disks) is not permitted"
        }
        guard Shell.blocking(["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "true"]) == 0 else {
            return "process and mount namespaces are not permitted"
        }
        return Packages.obstacle
    }()

    public static let canRun = obstacle.isEmpty
}
