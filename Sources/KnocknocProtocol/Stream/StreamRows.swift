public import KnocknocModel

/// An agent's targets and entries as the store holds them.
public struct StreamRows: Hashable, Sendable {
    /// Where the agent stands once it has done these rows: the newest revision with its change id.
    public var position: Position
    public var targets: [TargetRow]
    public var entries: [StreamEntry]

    public init(position: Position, targets: [TargetRow] = [], entries: [StreamEntry] = []) {
        self.position = position
        self.targets = targets
        self.entries = entries
    }
}

/// An entry with its end by the database's clock.
public struct StreamEntry: Hashable, Sendable {
    public var id: EntryID
    public var target: TargetID
    public var address: IPAddress
    /// The revision at which this agent's row last changed.
    public var revision: Int64
    /// nil where the entry is absent.
    public var expiresAt: Timestamp?
    /// The revision whose change demands that established flows are cut although the entry may stay.
    public var cut: Int64?

    public init(
        id: EntryID, target: TargetID, address: IPAddress, revision: Int64, expiresAt: Timestamp?, cut: Int64? = nil
    ) {
        self.id = id
        self.target = target
        self.address = address
        self.revision = revision
        self.expiresAt = expiresAt
        self.cut = cut
    }
}

/// What a single commit changed of an agent's stream.
public struct StreamStep: Hashable, Sendable {
    /// The position that the commit found; only an agent that stands there may take the rows.
    public var after: Position
    public var rows: StreamRows

    public init(after: Position, rows: StreamRows) {
        self.after = after
        self.rows = rows
    }
}
