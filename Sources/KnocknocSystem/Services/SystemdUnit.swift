/// A unit of this machine's systemd.
public struct SystemdUnit: Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }

    /// Whether this machine was booted by systemd at all.
    public static var isHere: Bool { SystemFile("/run/systemd/system").exists }

    /// Has systemd read its units' files again.
    public static func readFiles() async throws {
        try await Command.check("having systemd read its files", ["systemctl", "daemon-reload"])
    }

    public func isActive() async throws -> Bool {
        try await Command.run(["systemctl", "is-active", "--quiet", name]).succeeded
    }

    /// Whether it starts with the machine.
    public func isEnabled() async throws -> Bool {
        try await Command.run(["systemctl", "is-enabled", "--quiet", name]).succeeded
    }

    /// Whether it ended in a way that systemd does not start it again after.
    public func hasFailed() async throws -> Bool {
        try await Command.run(["systemctl", "is-failed", "--quiet", name]).succeeded
    }

    /// Whether systemd has a file for it.
    public func isKnown() async throws -> Bool {
        try await Command.run(["systemctl", "cat", name]).succeeded
    }

    /// The last lines of its journal, indented.
    public func journal(lines: Int = 5) async throws -> String {
        let output = try await Command.run(["journalctl", "-u", name, "-n", "\(lines)", "--no-pager", "-o", "cat"])
        return output.text.split(separator: "\n").map { "\n  \($0)" }.joined()
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
        let lines = try await journal()
        throw SystemError(.failed, "\(doing) \(name) failed: \(output.complaint)\(lines)")
    }
}
