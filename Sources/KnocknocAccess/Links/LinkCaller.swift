public import KnocknocModel

/// Who asks for an agent's link, as its request says.
public struct LinkCaller: Sendable, Hashable {
    public var address: IPAddress?
    /// The id that the agent's own configuration gives it; nil where the token alone says who it is.
    public var id: AgentID?
    /// What the agent calls itself.
    public var name: String?

    public init(address: IPAddress? = nil, id: AgentID? = nil, name: String? = nil) {
        self.address = address
        self.id = id
        self.name = name
    }
}
