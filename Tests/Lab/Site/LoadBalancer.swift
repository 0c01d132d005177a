public import Foundation
import Glibc

/// A real HAProxy on a host of the lab, made and changed by `knocker haproxy` alone.
///
/// No systemd is here: the test keeps the master process, and knocker tells it to reload by its process file.
public actor LoadBalancer {
    public nonisolated let host: Host
    private nonisolated let folder: URL
    /// What this machine calls itself, which is how the HAProxy machines of a site know themselves among the peers.
    private let name: String
    private var process: LabProcess?

    public init(on host: Host, name: String = "lb-1") throws {
        self.host = host
        self.name = name
        folder = try Lab.temporaryFolder("lb")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("etc/haproxy"), withIntermediateDirectories: true)
    }

    /// What stands before every path of HAProxy's and knocker's.
    public nonisolated var root: String { folder.path }
    public nonisolated var configuration: String { folder.path + "/etc/haproxy/haproxy.cfg" }
    /// The certificate by which HAProxy knows a node; nil where it keeps none.
    public nonisolated func pin(_ node: String) -> Data? {
        try? Data(contentsOf: URL(fileURLWithPath: folder.path + "/etc/haproxy/knocknoc/node-\(node).pem"))
    }
    private nonisolated var pidFile: String { folder.path + "/run/haproxy.pid" }
    public nonisolated var socket: String { folder.path + "/run/haproxy/knocknoc.sock" }

    /// A command on a machine of this name.
    private func named(_ command: [String]) -> [String] {
        host.inside(["unshare", "--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", name] + command)
    }

    /// `knocker haproxy` with these arguments, to its end.
    public func knocker(_ arguments: [String]) async throws -> Shell.Result {
        try await Shell.run(
            named([Lab.executable("knocknoc"), "knocker", "haproxy", "--root", folder.path] + arguments))
    }

    /// `knocker haproxy`, which has to succeed.
    @discardableResult
    public func change(_ arguments: [String]) async throws -> Shell.Result {
        let result = try await knocker(arguments)
        guard result.status == 0 else { throw LabError("knocker haproxy \(arguments): \(result)") }
        return result
    }

    /// Starts HAProxy and waits until it serves.
    public func start() async throws {
        let process = try LabProcess(named(["haproxy", "-W", "-f", configuration, "-p", pidFile]))
        self.process = process
        _ = try await process.errorLine { $0.contains("Loading success") }
        let end = Clock.now + 5
        while try await ask("show info").isEmpty {
            guard Clock.now < end else { throw LabError("HAProxy does not answer:\n\(log())") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// One command to HAProxy's own socket; nothing where nobody answers.
    public func ask(_ command: String) async throws -> String {
        try await HAProxyCommandLine.ask(socket, command)
    }

    /// Has the master start a new worker, as `systemctl reload haproxy` does.
    public func reload() async throws {
        let old = try await worker()
        process?.signal(SIGUSR2)
        let end = Clock.now + 10
        while try await [nil, old].contains(worker()) {
            guard Clock.now < end else { throw LabError("no new worker:\n\(log())") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func worker() async throws -> String? {
        try await ask("show info").split(separator: "\n").first { $0.hasPrefix("Pid:") }.map(String.init)
    }

    /// HAProxy's file, as it is.
    public nonisolated func text() throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: configuration)), as: UTF8.self)
    }

    public nonisolated func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
    }

    /// How HAProxy sees a node, such as `UP`.
    public func status(of node: String, _ field: String = "status", in backend: String = "knocknoc_pages") async throws
        -> String
    {
        let lines = try await ask("show stat").split(separator: "\n")
        let names = lines.first?.dropFirst(2).split(separator: ",", omittingEmptySubsequences: false) ?? []
        let row = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
            .first { $0.count > 1 && $0[0] == backend && $0[1] == node }
        guard let row, let column = names.firstIndex(where: { $0 == field }) else { return "" }
        return String(row[column])
    }

    /// - Parameter limit: in seconds.
    public func until(
        _ node: String, is wanted: String, of field: String = "status", in backend: String = "knocknoc_pages",
        within limit: Double = 15
    ) async throws {
        let end = Clock.now + limit
        var seen = ""
        while Clock.now < end {
            seen = try await status(of: node, field, in: backend)
            if seen.hasPrefix(wanted) { return }
            try await Task.sleep(for: .milliseconds(30))
        }
        throw LabError("\(node) in \(backend) is \"\(seen)\", not \(wanted)")
    }

    /// Somebody on `host` who comes through this HAProxy.
    public nonisolated func client(on client: Host, family6: Bool = false) throws -> WebClient {
        try WebClient(on: client, base: "https://knocknoc.test:443", address: family6 ? host.ipv6 : host.ipv4)
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
