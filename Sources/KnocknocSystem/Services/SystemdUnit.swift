/// A unit of this machine's systemd.
public struct SystemdUnit: Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }

    /// Whether this machine was booted by systemd at all.
    public static var isHere: Bool { SystemFile("/run/systemd/system").exists }

    public func isActive() async throws -> Bool {
        try await Command.run(["systemctl", "is-active", "--quiet", name]).succeeded
    }

    public func start() async throws { try await order("starting", "start") }
    public func stop() async throws { try await order("stopping", "stop") }
    public func restart() async throws { try await order("restarting", "restart") }
    public func reload() async throws { try await order("reloading", "reload") }
    public func enable() async throws { try await order("enabling", "enable") }
    public func disable() async throws { try await order("disabling", "disable") }

    /// - Throws: ``SystemError`` `failed` with the last lines of the unit's journal.
    private func order(_ doing: String, _ verb: String) async throws {
        let output = try await Command.run(["systemctl", verb, name])
        guard !output.succeeded else { return }
        let journal = try await Command.run(["journalctl", "-u", name, "-n", "5", "--no-pager", "-o", "cat"])
        let lines = journal.text.split(separator: "\n").map { "\n  \($0)" }.joined()
        throw SystemError(.failed, "\(doing) \(name) failed: \(output.complaint)\(lines)")
    }
}
