/// On which agents one item of a Knoc's enforcement is done.
public enum EnforcementPlace: Hashable, Sendable {
    case agent(AgentID)
    /// Every agent of a zone that the Knoc's own zones admit; ``ZoneSelection/edge`` or ``everyAgent`` too.
    case zone(String)

    /// The place of all agents that the Knoc's zones admit.
    public static let everyAgent = "*"

    /// - Throws: ``ModelError`` beginning with `field`.
    public func validated(_ field: String) throws(ModelError) -> EnforcementPlace {
        switch self {
        case .agent: self
        case .zone(Self.everyAgent), .zone(ZoneSelection.edge): self
        case .zone(let name): .zone(try ZoneSelection.checkedName(name, field))
        }
    }

    /// Whether an agent in this zone is meant.
    func holds(_ agent: ZonedAgent) -> Bool {
        switch self {
        case .agent(let id): agent.id == id
        case .zone(Self.everyAgent): true
        case .zone(ZoneSelection.edge): agent.isEdge
        case .zone(let name): agent.zone.map { ZoneSelection.key($0) == ZoneSelection.key(name) } ?? false
        }
    }

    /// What two items share that mean the same agents.
    public var key: String {
        switch self {
        case .agent(let id): "agent \(id)"
        case .zone(let name): "zone \(ZoneSelection.key(name))"
        }
    }
}
