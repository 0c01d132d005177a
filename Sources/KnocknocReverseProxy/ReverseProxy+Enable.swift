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
        try await draft.file.text.refuseClashes(draft.plan.listeners, held: draft.before?.listeners)
        console.note(draft.file.changes ? draft.file.diff : "\(layout.configuration) is as it should be")
        let takeover = try await HAProxyTakeover(of: draft.file, by: service, console)
        try await Undoing.run(console) { steps in
            try await takeover.begin(&steps)
            try await prepare(draft, &steps)
            try await draft.file.check(console)
            try await takeover.write(&steps)
            try await takeover.finish(&steps)
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
}
