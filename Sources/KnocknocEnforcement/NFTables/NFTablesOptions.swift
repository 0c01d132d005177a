public import KnocknocModel

/// What the administrator of this host decides, whatever a server wants.
public struct NFTablesOptions: Sendable {
    /// Networks that no guard keeps out.
    public var alwaysAllow: [CIDR]
    /// Ports on which a guard is refused.
    public var neverGuard: Set<UInt16>
    /// Whether a set of ipset that is not there is made; one that is there is never altered.
    public var createSets: Bool
    /// Where the guards are kept as an nft file to be loaded at boot; nil keeps none.
    public var skeletonPath: String?
    /// Another network namespace to work in, by its file such as `/run/netns/NAME`; its threads alone enter it.
    public var networkNamespacePath: String?

    public init(
        alwaysAllow: [CIDR] = [], neverGuard: Set<UInt16> = [], createSets: Bool = false, skeletonPath: String? = nil,
        networkNamespacePath: String? = nil
    ) {
        self.alwaysAllow = alwaysAllow
        self.neverGuard = neverGuard
        self.createSets = createSets
        self.skeletonPath = skeletonPath
        self.networkNamespacePath = networkNamespacePath
    }
}
