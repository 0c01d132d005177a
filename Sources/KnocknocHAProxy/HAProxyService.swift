import Glibc
import KnocknocSystem

/// The running HAProxy of this machine: systemd's unit, or a master process that a file names.
public struct HAProxyService: Sendable {
    /// A runtime socket of ours, by which a new worker is known.
    public let socket: HAProxySocket
    private let root: String

    public static let package = "haproxy"

    /// - Parameter root: put before every path; empty on a real machine.
    public init(socket: String, root: String) {
        self.socket = HAProxySocket(path: socket)
        self.root = root
    }

    private var unit: SystemdUnit? { root.isEmpty && SystemdUnit.isHere ? SystemdUnit("haproxy.service") : nil }

    /// Of the master process, where no systemd keeps it.
    public var pidFile: String { root + "/run/haproxy.pid" }

    /// The master process, where no systemd keeps it.
    private var master: pid_t? {
        guard let text = try? SystemFile(pidFile).text(), let pid = pid_t(text.filter { $0 != "\n" }), pid > 1,
            kill(pid, 0) == 0
        else { return nil }
        return pid
    }

    public enum Running: Sendable { case yes, no, notOurs }

    /// Whether it runs, and whether we could start it.
    public func state() async throws -> Running {
        if let unit {
            let active = try await unit.isActive()
            return active ? .yes : .no
        }
        return master == nil ? .notOurs : .yes
    }

    /// Has it read its file: those that it serves are served to their end by the worker before.
    ///
    /// - Parameter isGone: whether the new worker has our socket no more.
    /// - Throws: ``SystemError`` `failed` where the new worker is not there within ten seconds.
    public func reload(isGone: Bool = false) async throws {
        let old = socket.worker
        if let unit {
            try await unit.reload()
        } else if let master {
            guard kill(master, SIGUSR2) == 0 else {
                throw SystemError(
                    .failed, "telling HAProxy's process \(master) to reload: \(String(cString: strerror(errno)))")
            }
        }
        try await untilWorker { isGone ? $0 == nil : $0 != nil && $0 != old }
    }

    public func start() async throws {
        guard let unit else { return }
        try await unit.enable()
        try await unit.start()
        try await untilWorker { $0 != nil }
    }

    public func stop() async throws { try await unit?.stop() }

    private func untilWorker(_ isRight: (Int?) -> Bool) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(10)
        while clock.now < end {
            if isRight(socket.worker) { return }
            try await clock.sleep(for: .milliseconds(50))
        }
        throw SystemError(.failed, "no new HAProxy answers at \(socket.path) after ten seconds; the log says why")
    }
}
