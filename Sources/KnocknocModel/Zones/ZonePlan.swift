/// Where a Knoc is enforced: its items, as agents and zones stand now.
public struct ZonePlan: Hashable, Sendable {
    /// One item of a Knoc's enforcement.
    public struct Item: Hashable, Sendable {
        public var place: EnforcementPlace
        /// What is opened there (``Backend/targetKey(of:)``).
        public var key: String

        public init(place: EnforcementPlace, key: String) {
            self.place = place
            self.key = key
        }
    }

    /// One item on one agent.
    public struct Spot: Hashable, Sendable {
        /// The item's position in the Knoc's list.
        public var item: Int
        public var agent: AgentID
        /// Whether grants are enforced there; where not, only what closes stands there.
        public var isPlaced: Bool

        public init(item: Int, agent: AgentID, isPlaced: Bool = true) {
            self.item = item
            self.agent = agent
            self.isPlaced = isPlaced
        }
    }

    public var items: [Item]
    public var zones: ZoneSelection
    public var placement: Placement

    public init(items: [Item], zones: ZoneSelection = .everywhere, placement: Placement = .all) {
        self.items = items
        self.zones = zones
        self.placement = placement
    }

    /// Every item on every agent that it means, each object once on each agent.
    ///
    /// - Parameters:
    ///   - holding: agents on which this Knoc's grants are enforced now, by what is opened there.
    ///   - leavingSilent: whether an agent that has not been heard of gives way to one that has.
    public func spots(
        _ agents: [ZonedAgent], holding: [String: Set<AgentID>] = [:], leavingSilent: Bool = false
    ) -> [Spot] {
        // The site itself is in no zone: where it is named it is meant.
        let known = agents.filter { $0.id == .server || zones.admits(zone: $0.zone, isEdge: $0.isEdge) }
            .sorted { $0.id < $1.id }
        var spots: [Spot] = []
        var seen: [String: Int] = [:]
        for (index, item) in items.enumerated() {
            let candidates: [ZonedAgent]
            var chosen: Set<AgentID>
            switch item.place {
            case .agent:
                candidates = known.filter(item.place.holds)
                chosen = Set(candidates.map(\.id))
            case .zone:
                candidates = known.filter { $0.isMember && item.place.holds($0) }
                chosen = Set(candidates.map(\.id))
                if placement == .one {
                    let holders = holders(item.place, holding)
                    chosen = Self.oneOfEachZone(candidates, holders, leavingSilent: leavingSilent)
                }
            }
            for agent in candidates {
                let spot = Spot(item: index, agent: agent.id, isPlaced: chosen.contains(agent.id))
                if let known = seen["\(agent.id) \(item.key)"] {
                    spots[known].isPlaced = spots[known].isPlaced || spot.isPlaced
                } else {
                    seen["\(agent.id) \(item.key)"] = spots.count
                    spots.append(spot)
                }
            }
        }
        return spots
    }

    /// Those that hold any object of items with this place, so that all of them stay together.
    private func holders(_ place: EnforcementPlace, _ holding: [String: Set<AgentID>]) -> Set<AgentID> {
        items.filter { $0.place.key == place.key }.reduce(into: []) { $0.formUnion(holding[$1.key] ?? []) }
    }

    /// Whoever holds it keeps it while it is there; else whoever has the least to do.
    private static func oneOfEachZone(
        _ agents: [ZonedAgent], _ holders: Set<AgentID>, leavingSilent: Bool
    ) -> Set<AgentID> {
        var chosen: Set<AgentID> = []
        for zone in Dictionary(grouping: agents, by: { $0.zone.map(ZoneSelection.key) }).values {
            let heard = zone.filter(\.isHeard)
            let holder =
                heard.first { holders.contains($0.id) }
                ?? (leavingSilent && !heard.isEmpty ? nil : zone.first { holders.contains($0.id) })
            let least = (heard.isEmpty ? zone : heard).min { ($0.entries, $0.id) < ($1.entries, $1.id) }
            if let one = holder ?? least { chosen.insert(one.id) }
        }
        return chosen
    }
}
