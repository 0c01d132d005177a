import Foundation
import Glibc

/// A real HAProxy on a host of the lab, made and changed by `knocker enable reverseproxy` of the agent's package alone.
///
/// No systemd is here: the test keeps the master process, and knocker tells it to reload by its process file.
public actor ReverseProxy {
    public nonisolated let host: Host
    private nonisolated let folder: URL
    private var process: LabProcess?

    public init(on host: Host) throws {
        self.host = host
        folder = try Lab.temporaryFolder("proxy")
        for path in ["etc/haproxy", "var/lib/knocknoc-agent"] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(path), withIntermediateDirectories: true)
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/knocker", withDestinationPath: Lab.executable("knocknoc-agent"))
    }

    public nonisolated var root: String { folder.path }
    public nonisolated var configuration: String { root + "/etc/haproxy/haproxy.cfg" }
    public nonisolated var agentConfiguration: String { root + "/opt/knocknoc-agent/etc/knocknoc.conf" }
    public nonisolated var lists: String { root + "/var/lib/knocknoc-agent/haproxy" }
    public nonisolated var socket: String { root + "/run/haproxy/knocknoc-door.sock" }
    private nonisolated var pidFile: String { root + "/run/haproxy.pid" }

    /// `knocker enable|disable reverseproxy` with these arguments, to its end.
    public nonisolated func knocker(_ verb: String, _ arguments: [String]) async throws -> Shell.Result {
        try await Shell.run(
            host.inside([root + "/knocker", verb, "reverseproxy", "--root", root] + arguments))
    }

    /// `knocker enable reverseproxy`, which has to succeed.
    @discardableResult
    public nonisolated func enable(_ arguments: [String]) async throws -> Shell.Result {
        let result = try await knocker("enable", arguments)
        guard result.status == 0 else { throw LabError("knocker enable reverseproxy \(arguments): \(result)") }
        return result
    }

    /// Starts HAProxy and waits until it serves.
    public func start() async throws {
        let process = try host.start(["haproxy", "-W", "-f", configuration, "-p", pidFile])
        self.process = process
        _ = try await process.errorLine { $0.contains("Loading success") }
        let end = Clock.now + 60
        while try await worker() == nil {
            guard Clock.now < end else { throw LabError("HAProxy does not answer:\n\(log())") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    public nonisolated func ask(_ command: String) async throws -> String {
        try await HAProxyCommandLine.ask(socket, command)
    }

    /// The process that answers; nil where none does.
    public nonisolated func worker() async throws -> String? {
        try await ask("show info").split(separator: "\n").first { $0.hasPrefix("Pid:") }.map(String.init)
    }

    /// Has the master start a new worker, as `systemctl reload haproxy` does.
    public func reload() async throws {
        let old = try await worker()
        process?.signal(SIGUSR2)
        let end = Clock.now + 60
        while try await [nil, old].contains(worker()) {
            guard Clock.now < end else { throw LabError("no new worker:\n\(log())") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    public nonisolated func text() throws -> String { try String(contentsOfFile: configuration, encoding: .utf8) }

    public nonisolated func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
    }

    /// Lets an address in until then, as the agent does: the file first, then the socket.
    public nonisolated func letIn(_ address: String, seconds: Int, door: String = "door") async throws {
        let list = "\(lists)/\(door).map"
        let entry = "\(address) \(Int(Date().timeIntervalSince1970) + seconds)"
        let before = try String(contentsOfFile: list, encoding: .utf8)
        try (before + entry + "\n").write(toFile: list, atomically: false, encoding: .utf8)
        let answer = try await ask("add map \(list) \(entry)")
        guard answer.allSatisfy(\.isWhitespace) else { throw LabError("HAProxy: \(answer)") }
    }

    public func log() -> String { process?.errorLines.suffix(60).joined(separator: "\n") ?? "(not running)" }

    public func stop(_ signal: Int32) async {
        await process?.stop(signal)
        process = nil
    }

    public func remove() async {
        await stop(SIGKILL)
        try? FileManager.default.removeItem(at: folder)
    }
}
