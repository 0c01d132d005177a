/// How rows are divided into messages.
enum Chunks {
    /// The most bytes of a snapshot's chunk, 256 KiB.
    static let chunkBytes = 256 << 10
    /// The most bytes of changes, which come in one message: the limit of a frame less room for the rest.
    static let changesBytes = Codec.maximumBytes - (64 << 10)
    /// What an entry takes at most on the wire: three UUIDs' worth of text, an IPv6 address, four numbers, the keys.
    static let entryBytes = 288
    private static let overhead = 1024

    /// Takes from the front what fits into a chunk, targets before entries; at least one row.
    static func next(
        _ targets: inout ArraySlice<TargetRow>, _ entries: inout ArraySlice<StreamEntry>
    ) -> (targets: ArraySlice<TargetRow>, entries: ArraySlice<StreamEntry>) {
        var room = chunkBytes - overhead
        var count = 0
        for row in targets {
            room -= Codec.size(of: row) + 1
            guard room >= 0 || count == 0 else { break }
            count += 1
        }
        let taken = targets.prefix(count)
        targets = targets.dropFirst(count)
        let fitting = targets.isEmpty ? entries.prefix(max(room / entryBytes, taken.isEmpty ? 1 : 0)) : []
        entries = entries.dropFirst(fitting.count)
        return (taken, fitting)
    }

    static func fitsChanges(_ rows: StreamRows) -> Bool {
        let entries = rows.entries.count * entryBytes
        guard entries + overhead <= changesBytes else { return false }
        return rows.targets.reduce(entries + overhead) { $0 + Codec.size(of: $1) + 1 } <= changesBytes
    }
}
