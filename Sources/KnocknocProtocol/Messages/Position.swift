/// Where an agent's copy stands in its stream of changes.
public struct Position: Hashable, Sendable, Codable {
    /// The site's epoch: another one after a restore or a move to another database.
    public var epoch: String
    /// The agent's revision counter in the store.
    public var revision: Int64
    /// Random text stored with that revision, so that a counter that was rewound and used again is not mistaken.
    public var change: String

    public init(epoch: String, revision: Int64, change: String) {
        self.epoch = epoch
        self.revision = revision
        self.change = change
    }
}
