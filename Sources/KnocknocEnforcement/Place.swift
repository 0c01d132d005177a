public import KnocknocModel

/// One address on one target.
public struct Place: Hashable, Sendable {
    public var target: TargetID
    public var address: IPAddress

    public init(target: TargetID, address: IPAddress) {
        self.target = target
        self.address = address
    }

    init(_ member: Member) { self.init(target: member.target, address: member.address) }
}
