import Glibc
import KnocknocSystem

/// The running HAProxy of this machine: systemd's unit, or a master process that a file names.
struct HAProxyService: Sendable {
    let layout: HAProxyLayout
    let socket: HAProxySocket

    init(_ layout: HAProxyLayout) {
        self.layout = layout
        socket = HAProxySocket(path: layout.socket)
    }

    private var unit: SystemdUnit? {
        layout.root.isEmpty && SystemdUnit.isHere ? SystemdUnit(HAProxyLayout.unit) : nil
    }

    /// The master process, where no systemd keeps it.
    private var master: pid_t? {
        guard let text = try? SystemFile(layout.pidFile).text(), let pid = pid_t(text.filter { $0 != "\n" }), pid > 1,
            kill(pid, 0) == 0
        else { return nil }
        return pid
    }

    enum Running { case yes, no, notOurs }

    /// Whether it runs, and whether we could start it.
    func state() async throws -> Running {
        if let unit {
            let active = try await unit.isActive()
            return active ? .yes : .no
        }
        return master == nil ? .notOurs : .yes
    }

    /// Has it read its file: those that it serves are served to their end by the worker before.
    ///
    /// - Throws: ``SystemError`` `failed` where no new worker answers within ten seconds.
    func reload() async throws {
        let old = socket.worker
        if let unit {
            try await unit.reload()
        } else if let master {
            guard kill(master, SIGUSR2) == 0 else {
                throw SystemError(
                    .failed, "telling HAProxy's process \(master) to reload: \(String(cString: strerror(errno)))")
            }
        }
        try await untilWorker { $0 != old }
    }

    func start() async throws {
        guard let unit else { return }
        try await unit.enable()
        try await unit.start()
        try await untilWorker { _ in true }
    }

    func stop() async throws { try await unit?.stop() }

    private func untilWorker(_ isRight: (Int) -> Bool) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(10)
        while clock.now < end {
            if let worker = socket.worker, isRight(worker) { return }
            try await clock.sleep(for: .milliseconds(50))
        }
        throw SystemError(.failed, "no new HAProxy answers at \(layout.socket) after ten seconds; the log says why")
    }

    /// How nodes are doing once each has been looked at, or after three seconds.
    func nodes() async throws -> [NodeStatus] {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(3)
        while true {
            let nodes = try socket.nodes()
            let isKnown = nodes.allSatisfy { !$0.check.isEmpty && $0.check != "INI" }
            if isKnown || clock.now > end { return nodes }
            try await clock.sleep(for: .milliseconds(50))
        }
    }

    /// Writes what a new worker starts from.
    ///
    /// - Parameter onlyDrained: only what somebody has decided; else also what health checks know at this moment.
    func saveStates(onlyDrained: Bool) throws(SystemError) {
        for backend in [HAProxyPart.pages, HAProxyPart.links] {
            var text = ServerStates.empty
            if let answer = try? socket.ask("show servers state \(backend)"), answer.hasPrefix("1\n") {
                let states = ServerStates(answer)
                text = onlyDrained ? states.drained : states.text
            }
            try SystemFile(layout.state(backend)).replace(with: text, keepingBackup: false)
        }
    }
}
