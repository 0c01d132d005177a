public import KnocknocModel

/// One address on one target: what the kernel knows. Several entries may stand behind it.
public struct MemberKey: Hashable, Sendable, Codable {
    public var target: TargetID
    public var address: IPAddress

    public init(target: TargetID, address: IPAddress) {
        self.target = target
        self.address = address
    }
}

/// A step towards what is wanted, on one address of one target.
public enum MemberStep: Hashable, Sendable {
    /// Open until the deadline, whether it was open before or not.
    case open(MemberKey, deadline: BootTime)
    /// Not a member any more: new flows are refused, established ones cut that nobody else may have.
    case close(MemberKey)
    /// Established flows are cut, whoever else may have them; a member stays one.
    case cut(MemberKey)

    public var key: MemberKey {
        switch self {
        case .open(let key, _), .close(let key), .cut(let key): key
        }
    }
}

/// What became of a step or of a target.
public enum StepOutcome: Hashable, Sendable {
    case applied
    /// Everything was done except in the kernel, by the administrator's choice.
    case dryRun
    /// The reason in the kernel's or the agent's own words.
    case failed(String)
}
