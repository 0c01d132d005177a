/// How an agent stands in the store, for comparison with what a node believes of its link.
public struct LinkStanding: Hashable, Sendable {
    public var position: Position
    /// The newest link's epoch.
    public var linkEpoch: Int64
    /// The lowest revision of a row that the store has no report for; nil where it has one for every row.
    public var unreported: Int64?
    /// SHA-256 of the tokens that count now; nil where none was replaced lately, so that every link's does.
    public var tokens: [[UInt8]]?

    public init(position: Position, linkEpoch: Int64, unreported: Int64? = nil, tokens: [[UInt8]]? = nil) {
        self.position = position
        self.linkEpoch = linkEpoch
        self.unreported = unreported
        self.tokens = tokens
    }
}
