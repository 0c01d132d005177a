public import KnocknocModel

/// Where a database's schema stands, for `migrate --status`.
public struct MigrationStatus: Sendable {
    public struct Applied: Hashable, Sendable {
        public var version: Int
        public var name: String
        public var appliedAt: Timestamp
    }

    public var engine: Engine
    public var applied: [Applied]
    /// Of this release and not applied; contracting ones wait for `--finish`.
    public var pending: [Migration]
    /// The schema's number; 0 before the first migration.
    public var version: Int
    /// The oldest release that may use the schema.
    public var readableFrom: Int
    /// This release's own number: its newest migration's.
    public var release: Int

    /// Why this release cannot use the schema; nil where it can.
    public var obstacle: StoreError? {
        if readableFrom > release {
            return StoreError(
                .schemaTooNew,
                "the database's schema is version \(version) and needs release \(readableFrom) or newer; this is release "
                    + "\(release): upgrade this node")
        }
        if pending.contains(where: { !$0.isContracting }) {
            let what = version == 0 ? "has no schema yet" : "has schema version \(version)"
            return StoreError(
                .schemaTooOld, "the database \(what); this release needs \(release): run knocknoc migrate")
        }
        return nil
    }

    public var isUsable: Bool { obstacle == nil }
}
