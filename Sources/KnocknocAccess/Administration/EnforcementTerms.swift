import KnocknocModel
import KnocknocStore

/// Where a Knoc is enforced, as its administrator said, and what its agents do by themselves.
struct EnforcementTerms: Sendable {
    var specs: [EnforcementSpec]
    var zones: ZoneSelection
    var placement: Placement
    var closeAfterSeconds: Int64?

    init(specs: [EnforcementSpec], zones: ZoneSelection, placement: Placement, closeAfterSeconds: Int64?) {
        self.specs = specs
        self.zones = zones
        self.placement = placement
        self.closeAfterSeconds = closeAfterSeconds
    }

    init(_ record: KnocRecord) throws {
        self.init(
            specs: record.enforcement, zones: try ZoneSelection(record.zones), placement: record.placement,
            closeAfterSeconds: record.closeAfterSeconds)
    }

    /// Whether agents follow from zones; else each is named.
    var isZoned: Bool { !zones.terms.isEmpty || placement != .all || specs.contains { $0.zone != nil } }

    /// What a node must know to serve it.
    var features: [String] {
        (isZoned ? [GrantRule.zones] : []) + (closeAfterSeconds == nil ? [] : [GrantRule.closeAfter])
            + (specs.contains { $0.backend.ipv6Prefix != nil } ? [Backend.prefixFeature] : [])
    }

    /// The same of a Knoc's row.
    static func isZoned(_ row: Row) throws -> Bool {
        try row.text("features").split(separator: " ").contains { $0 == GrantRule.zones }
    }

    /// What follows from these terms where the agents are told apart by nothing but their zones.
    func plan(of knoc: KnocID) -> ZonePlan {
        ZonePlan(
            items: specs.map { ZonePlan.Item(place: $0.place, key: $0.backend.targetKey(of: knoc)) }, zones: zones,
            placement: placement)
    }
}
