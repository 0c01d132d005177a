public import KnocknocSystem

/// How a draft becomes what HAProxy serves by: steps that are all undone where one does not work out.
public struct HAProxyTakeover: Sendable {
    /// Whether HAProxy ran when this began.
    public let running: HAProxyService.Running
    private let draft: HAProxyDraft
    private let service: HAProxyService
    private let console: any Console
    private let reloaded = StepFlag()

    /// - Throws: ``SystemError`` where nobody can say whether HAProxy runs.
    public init(of draft: HAProxyDraft, by service: HAProxyService, _ console: any Console) async throws {
        running = try await service.state()
        self.draft = draft
        self.service = service
        self.console = console
    }

    /// The first step, whose undoing is the last: HAProxy reads everything again once it is as it was.
    public func begin(_ steps: inout Undoing) async throws {
        let (service, reloaded) = (service, reloaded)
        try await steps.step("checking \(draft.path) as it will be") {
        } undo: {
            if reloaded.isSet { try await service.reload() }
        }
    }

    /// Writes the draft, where it is another than what is there.
    ///
    /// - Throws: ``SystemError`` `busy` where an editor has saved something else meanwhile, which stays.
    public func write(_ steps: inout Undoing) async throws {
        guard draft.changes else { return }
        let (file, old, bytes) = (SystemFile(draft.path), draft.old, draft.bytes)
        let written = StepFlag()
        try await steps.step("writing \(file.path); the one before is kept as \(file.backup.path)") {
            try file.replace(with: bytes, expecting: old)
            written.set()
        } undo: {
            // What an editor has saved meanwhile is not ours to put back.
            guard written.isSet else { return }
            if let old { try file.replace(with: old, keepingBackup: false) } else { try file.remove() }
        }
    }

    /// Has HAProxy read its file where something in it is new, or starts it.
    ///
    /// - Parameters:
    ///   - isUrgent: whether what the file refers to is another, though the file is not.
    ///   - before, after: what is done around the reading of a HAProxy that runs.
    /// - Throws: ``SystemError`` `failed` where no HAProxy answers within ten seconds.
    public func finish(
        isUrgent: Bool = false, _ steps: inout Undoing, before: () throws -> Void = {}, after: () throws -> Void = {}
    ) async throws {
        let service = service
        switch running {
        case .yes where draft.changes || isUrgent || service.socket.worker == nil:
            try await steps.step("having HAProxy read it; what it serves now is served to the end") {
                try before()
                reloaded.set()
                try await service.reload()
                try after()
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
                "HAProxy does not run, and no systemd is here that would start it: haproxy -W -f \(draft.path) "
                    + "-p \(service.pidFile)")
        }
    }

    /// Has HAProxy read a file without a part of ours, and with it without our socket.
    ///
    /// - Parameter serves: whether anything is left that listens.
    public func leave(serves: Bool, _ steps: inout Undoing) async throws {
        let service = service
        guard serves else {
            return try await steps.step("stopping HAProxy, which has nothing left to serve") {
                try await service.stop()
            }
        }
        try await steps.step("having HAProxy read it") {
            reloaded.set()
            try await service.reload(isGone: true)
        }
    }
}
