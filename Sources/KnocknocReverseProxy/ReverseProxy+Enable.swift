import KnocknocHAProxy
import KnocknocModel
import KnocknocSystem

extension ReverseProxy {
    /// Makes the change on this machine, HAProxy's package included.
    ///
    /// - Parameter mayInstall: whether the package may be installed without a question.
    /// - Throws: ``SystemError``, with everything as it was.
    public func enable(_ change: ReverseProxyChange, mayInstall: Bool) async throws {
        try Superuser.require("changes HAProxy's configuration")
        _ = try draft(change)
        try await install(mayInstall)
        try await SystemFile(layout.configuration).locked { try await make(try draft(change)) }
    }

    private func install(_ mayInstall: Bool) async throws {
        guard layout.root.isEmpty else { return }
        let isThere = try await DebianPackage.isInstalled(HAProxyService.package)
        guard !isThere else { return }
        if !mayInstall {
            let answer = Keyboard.line("HAProxy is not installed. Install the package? [y/N] ", isHidden: false)
            guard let answer, ["y", "yes"].contains(answer.lowercased()) else {
                throw SystemError(.failed, "HAProxy is not installed, and nothing is changed; --yes installs it")
            }
        }
        try await DebianPackage.install([HAProxyService.package])
        console.note("installed the package \(HAProxyService.package)")
    }

    private func make(_ draft: Draft) async throws {
        try await draft.text.refuseClashes(draft.plan.listeners, held: draft.before?.listeners)
        console.note(draft.changes ? diff(draft) : "\(layout.configuration) is as it should be")
        let service = service
        let running = try await service.state()
        let reloaded = StepFlag()
        try await Undoing.run(console) { steps in
            // The first step's undoing is the last: HAProxy reads everything again once it is as it was.
            try await steps.step("checking \(layout.configuration) as it will be") {
            } undo: {
                if reloaded.isSet { try await service.reload() }
            }
            try await prepare(draft, &steps)
            try await HAProxyCheck.verify(draft.bytes, as: layout.configuration, console)
            if draft.text.inheritsOurDefaults { console.note(HAProxyCheck.heirs(layout.configuration)) }
            try await write(draft, &steps)
            try await apply(draft.changes, running, reloaded, &steps)
        }
        report(draft)
        if draft.agent.changed != nil {
            console.tell("The agent reads its file when it starts: systemctl restart knocknoc-agent")
        }
    }

    /// Whatever the file refers to has to be there before HAProxy checks it.
    private func prepare(_ draft: Draft, _ steps: inout Undoing) async throws {
        let agent = draft.agent
        try SystemFolder.make(layout.run, mode: 0o755)
        for (folder, mode) in [(SystemFolder.parent(of: agent.lists), UInt32(0o700)), (agent.lists, 0o750)] {
            try SystemFolder.make(folder, mode: mode, owner: agent.owner, group: agent.group)
        }
        for path in try missing(draft.plan) {
            guard let list = try SystemFile.unfollowed(path) else { continue }
            try await steps.step("making the list \(path), which is the agent's") {
                try list.replace(with: "", attributes: .init(mode: 0o640, owner: agent.owner, group: agent.group))
            } undo: {
                try list.remove()
            }
        }
        guard let old = agent.text, let new = agent.changed else { return }
        let file = SystemFile(layout.agentConfiguration)
        console.note(diff(old, new, file.path))
        try await steps.step("writing \(file.path); the one before is kept as \(file.backup.path)") {
            try file.replace(with: new, attributes: .init(mode: 0o600))
        } undo: {
            try file.replace(with: old, keepingBackup: false)
        }
    }

    private func write(_ draft: Draft, _ steps: inout Undoing) async throws {
        guard draft.changes else { return }
        let (file, old) = (SystemFile(layout.configuration), draft.old)
        if old == nil { try SystemFolder.make(SystemFolder.parent(of: file.path), mode: 0o755) }
        try await steps.step("writing \(file.path); the one before is kept as \(file.backup.path)") {
            try file.replace(with: draft.bytes, expecting: old)
        } undo: {
            if let old { try file.replace(with: old, keepingBackup: false) } else { try file.remove() }
        }
    }

    func apply(
        _ changes: Bool, _ running: HAProxyService.Running, _ reloaded: StepFlag, _ steps: inout Undoing
    ) async throws {
        let service = service
        switch running {
        case .yes where changes || service.socket.worker == nil:
            try await steps.step("having HAProxy read it; what it serves now is served to the end") {
                reloaded.set()
                try await service.reload()
            }
        case .yes: break
        case .no:
            try await steps.step("starting HAProxy") {
                try await service.start()
            } undo: {
                try await service.stop()
            }
        case .notOurs:
            console.note(
                "HAProxy does not run, and no systemd is here that would start it: haproxy -W -f \(layout.configuration) "
                    + "-p \(service.pidFile)")
        }
    }
}
