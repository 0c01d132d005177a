import KnocknocSystem

/// The settings from before `exposedb --init`, and what is left to do until they are in effect.
struct Retreat: Sendable {
    private static let names = ["listen_addresses", "ssl", "ssl_cert_file", "ssl_key_file"]

    /// What ALTER SYSTEM has said since the copy of `--init`, with the value that it had before.
    private let values: [(name: String, value: String?)]
    /// Whether the file is as it was and the server does not go by it yet: a run before was broken off there.
    private let isPending: Bool
    private let hasCopy: Bool

    init(_ cluster: LocalCluster) async throws {
        let copy = try cluster.autoConfCopy.text()
        hasCopy = copy != nil
        guard let copy, let now = try cluster.autoConf.text() else {
            (values, isPending) = ([], false)
            return
        }
        let (before, after) = (AutoConf(copy), AutoConf(now))
        values = Self.names.compactMap { name in before[name] == after[name] ? nil : (name, before[name]) }
        // The copy lasts as long as ours last: with it there and nothing to set, only taking effect is left.
        isPending = values.isEmpty
    }

    /// What would be done.
    var lines: [String] {
        values.map { name, value in
            value.map { "\(name) would be '\($0)' again" } ?? "\(name) would be as in postgresql.conf again"
        } + (isPending ? ["The settings from before would take effect, by a restart where that is left to do."] : [])
    }

    /// - Returns: whether anything was changed.
    func carryOut(_ cluster: LocalCluster, _ console: any Console) async throws -> Bool {
        guard hasCopy else { return false }
        try await Undoing.run(console) { steps in try await putBack(cluster, console, &steps) }
        // Of no use to anything else, by their names.
        let used = AutoConf(try cluster.autoConf.text() ?? "")["ssl_key_file"]
        for name in [ListeningPlan.certificate, ListeningPlan.key] where used != ListeningPlan.key {
            try SystemFile(cluster.dataDirectory + "/" + name).remove()
        }
        // Last: by it the next run knows that there is something left.
        try cluster.autoConfCopy.remove()
        return true
    }

    private func putBack(_ cluster: LocalCluster, _ console: any Console, _ steps: inout Undoing) async throws {
        let keeper = try await cluster.keeper()
        if !values.isEmpty {
            guard let before = try cluster.autoConf.bytes() else { return }
            let values = values
            try await steps.step("Setting \(values.map(\.name).joined(separator: ", ")) as before, by ALTER SYSTEM") {
                try await cluster.alterSystem(values)
            } undo: {
                try cluster.restoreAutoConf(before)
                try await cluster.recover(by: keeper)
            }
        }
        try await steps.step("Having \(cluster.name) read its settings") { try await cluster.reload() }
        let settings = try await cluster.settings(Self.names)
        guard settings.values.contains(where: \.pendingRestart) else { return }
        try await steps.step("Restarting \(cluster.name) (\(keeper.name))") { try await cluster.restart(by: keeper) }
    }
}
