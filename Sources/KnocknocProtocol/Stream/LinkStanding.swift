/// How an agent stands in the store, for comparison with what a node believes of its link.
public struct LinkStanding: Hashable, Sendable {
    public var position: Position
    /// The newest link's epoch.
    public var linkEpoch: Int64

    public init(position: Position, linkEpoch: Int64) {
        self.position = position
        self.linkEpoch = linkEpoch
    }
}
