import Glibc
import KnocknocSystem

extension LocalCluster {
    /// Who starts and stops this cluster.
    enum Keeper: Hashable, Sendable {
        case systemd(unit: String)
        /// Debian's own tool, where systemd does not run.
        case debian(version: String, cluster: String)
        /// By hand; the program beside the server's.
        case control(program: String, log: String)

        var name: String {
            switch self {
            case .systemd(let unit): "systemctl restart \(unit)"
            case .debian(let version, let cluster): "pg_ctlcluster \(version) \(cluster) restart"
            case .control(let program, _): "\(program) restart"
            }
        }
    }

    func keeper() async throws -> Keeper {
        let file = SystemFile(dataDirectory + "/postmaster.pid")
        guard let first = try file.text()?.split(separator: "\n").first, let pid = Int32(first) else {
            throw SystemError(.missing, "\(file.path) does not name the server's process")
        }
        if let unit = try await unit(of: pid) { return .systemd(unit: unit) }
        let path = facts.configFile.split(separator: "/")
        if path.count == 5, path[0] == "etc", path[1] == "postgresql", SystemFile("/usr/bin/pg_ctlcluster").exists {
            return .debian(version: String(path[2]), cluster: String(path[3]))
        }
        guard let program = Self.link("/proc/\(pid)/exe") else {
            throw SystemError(.failed, "the server's program cannot be found: process \(pid) does not show it")
        }
        let folder = program.prefix(upTo: program.lastIndex(of: "/") ?? program.startIndex)
        // The new server writes where the old one wrote; a log collector opens its own files.
        var status = stat()
        let errors = Self.link("/proc/\(pid)/fd/2")
        let isFile = errors.map { stat($0, &status) == 0 && status.st_mode & S_IFMT == S_IFREG } ?? false
        return .control(program: folder + "/pg_ctl", log: isFile ? errors ?? "/dev/null" : "/dev/null")
    }

    /// Restarts this cluster only; whatever fails before it answers again is undone by the caller. A signal waits until
    /// it does: between two servers is no safe point.
    ///
    /// - Throws: ``SystemError`` `failed` where it does not answer within 30 s of its new start.
    func restart(by keeper: Keeper) async throws {
        // A checkpoint beforehand makes the one at the end short.
        _ = try? await run("checkpoint;")
        try Interruption.check()
        try await Interruption.held {
            let old = try await started()
            let complaint = try await order(keeper)
            // Stopping has its own time: sessions are ended and pages written first.
            let stopping = ContinuousClock.now + .seconds(120)
            while complaint == nil, await isStill(old), ContinuousClock.now < stopping {
                try await Task.sleep(for: .milliseconds(100))
            }
            try await waitForStart(after: old, keeper, complaint)
        }
    }

    /// Starts it again after its files were put back.
    func recover(by keeper: Keeper) async throws {
        try await Interruption.held {
            let old = try? await started()
            let complaint = try await order(keeper)
            try await waitForStart(after: old, keeper, complaint)
        }
    }

    /// Waits 30 s for a server that started anew.
    private func waitForStart(after old: String?, _ keeper: Keeper, _ complaint: String?) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        var last = complaint ?? "no answer"
        repeat {
            do {
                if try await started() != old { return }
                last = complaint ?? "it was not restarted"
            } catch let error as SystemError { last = complaint ?? error.message }
            if complaint != nil { break }
            if case .systemd(let unit) = keeper, try await Self.hasFailed(unit) { break }
            try await Task.sleep(for: .milliseconds(100))
        } while ContinuousClock.now < deadline
        throw SystemError(.failed, "\(name) does not answer after its restart: \(last)")
    }

    /// - Returns: the complaint, where the order has failed at once.
    private func order(_ keeper: Keeper) async throws -> String? {
        // A standby looks for certificates in the home of whoever starts it, and may not look into root's.
        let home = ["HOME": "/"]
        let output =
            switch keeper {
            case .systemd(let unit): try await Command.run(["systemctl", "restart", "--no-block", unit])
            case .debian(let version, let cluster):
                try await Command.run(["pg_ctlcluster", version, cluster, "restart"], environment: home)
            case .control(let program, let log):
                try await Command.run(
                    try SystemUser.prefix(for: owner)
                        + [program, "-D", dataDirectory, "-s", "-w", "-t", "30", "-m", "fast", "-l", log, "restart"],
                    environment: home)
            }
        return output.succeeded ? nil : output.complaint
    }

    /// When the server that answers was started.
    private func started() async throws -> String? {
        struct Start: Decodable { var at: String }
        let now: [Start] = try await rows("select pg_postmaster_start_time()::text as at")
        return now.first?.at
    }

    /// Whether the server from before the restart still answers.
    private func isStill(_ old: String?) async -> Bool {
        do { return try await started() == old } catch { return false }
    }

    private func unit(of pid: Int32) async throws -> String? {
        guard SystemdUnit.isHere, let groups = try SystemFile("/proc/\(pid)/cgroup").text(),
            let unit = groups.split(whereSeparator: { $0 == "\n" || $0 == "/" }).last(where: {
                $0.hasSuffix(".service")
            })
        else { return nil }
        let name = String(unit)
        let main = try await Command.run(["systemctl", "show", "-p", "MainPID", "--value", name])
        return main.succeeded && Int32(main.text.filter { $0 != "\n" }) == pid ? name : nil
    }

    private static func hasFailed(_ unit: String) async throws -> Bool {
        try await Command.run(["systemctl", "is-failed", "--quiet", unit]).succeeded
    }

    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let target = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // A program that an upgrade has replaced under the running server.
        return target.hasSuffix(" (deleted)") ? String(target.dropLast(10)) : target
    }
}
