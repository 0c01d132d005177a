public import KnocknocModel

/// Taking guards away on the host itself, without server or network, with or without a running agent.
public enum Unguard {
    /// What was taken away.
    public struct Removed: Hashable, Sendable {
        public var `protocol`: TransportProtocol
        /// These ports are open to whatever else the host's rules allow.
        public var ports: [UInt16]
    }

    /// Takes away every guard that closes the port, or all; a guard of several ports goes whole. A mark stays in the
    /// kernel and in the file, so that neither a running agent nor its next start brings the guard back.
    ///
    /// - Parameters:
    ///   - port: nil for all guards.
    ///   - place: the file that is loaded at boot.
    /// - Returns: what was taken away; empty where nothing closed the port.
    /// - Throws: ``EnforcementError``, which says what is open already where the file alone could not be written.
    public static func remove(
        _ port: (protocol: TransportProtocol, number: UInt16)?, place: Place
    ) throws(EnforcementError) -> [Removed] {
        let kernel = try Kernel()
        if try kernel.listing() == nil, let text = try place.file(nil)?.read() {
            try kernel.library.run(text)
        }
        guard let listing = try kernel.listing() else { return [] }
        let file = place.file(listing)
        if try tidy(kernel, listing, file) { return [] }
        var table = OwnTable(listing)
        let gone = table.guards.filter { item in
            guard let port else { return true }
            return item.closes.map { $0.protocol == port.protocol && $0.ports.contains(port.number) } ?? false
        }
        guard !gone.isEmpty else { return [] }
        table.guards.removeAll { gone.contains($0) }
        table.marks = Array(Set(table.marks + gone.map(\.name))).sorted()
        try kernel.library.run(table.naming + OwnTable.removing(gone.map(\.name)))
        let removed = gone.compactMap { item in
            item.closes.map { Removed(protocol: $0.protocol, ports: $0.ports) }
        }
        try save(table, file, removed)
        return removed
    }

    /// Forgets what was taken away by hand: the server's guards apply again as soon as the agent defines them.
    public static func undo(_ place: Place) throws(EnforcementError) {
        let kernel = try Kernel()
        guard let listing = try kernel.listing() else { return }
        let file = place.file(listing)
        var table = OwnTable(listing)
        table.marks = []
        try kernel.library.run(
            listing.marks.map { "delete chain inet \(OwnTable.name) \($0.mark)\n" }.joined())
        if let left = try kernel.listing(), try tidy(kernel, left, file) { return }
        try save(table, file, [])
    }

    private static func save(
        _ table: OwnTable, _ file: SkeletonFile?, _ removed: [Removed]
    ) throws(EnforcementError) {
        guard let file else { return }
        do throws(EnforcementError) {
            try file.write(SkeletonFile.render(table))
        } catch {
            throw unsaved(removed, file.path, error)
        }
    }

    /// Removes our table and its file where nothing is in them and no agent runs.
    private static func tidy(
        _ kernel: Kernel, _ listing: TableListing, _ file: SkeletonFile?
    ) throws(EnforcementError) -> Bool {
        guard listing.guards.isEmpty, listing.marks.isEmpty else { return false }
        var isEmpty = true
        for family in IPAddress.Family.allCases {
            let cut = TableSet.cut(family)
            try kernel.reader.read(cut) { _ in isEmpty = false }
        }
        // An agent that runs needs the table; one that starts meanwhile waits for the lock.
        guard isEmpty, let lock = try? NamespaceLock.take() else { return false }
        defer { withExtendedLifetime(lock) {} }
        try kernel.library.run("delete table inet \(OwnTable.name)")
        file?.remove()
        return true
    }
}
