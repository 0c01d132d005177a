import KnocknocAccess
import KnocknocModel

/// The way back to the page where somebody was refused, as `portal.mustache` reads it. There is one only to the base URL
/// of a Knoc that this person has: the portal leads nobody anywhere else. Of several at one site it is the one whose path
/// is the nearest, and of those one that is open.
struct BackLink {
    var url: String
    var origin: String
    /// The Knoc that opens it.
    var knoc: String
    var name: String
    var isOpen: Bool

    init?(_ address: ReturnAddress?, among knocs: [KnocItem]) {
        guard let address else { return nil }
        let candidates = knocs.compactMap { item -> (item: KnocItem, rank: (Int, Int))? in
            guard let coverage = item.url.flatMap(address.coverage) else { return nil }
            return (item, (coverage, item.state == .open ? 1 : 0))
        }
        guard let item = candidates.max(by: { $0.rank < $1.rank })?.item else { return nil }
        url = address.text
        origin = address.origin.description
        knoc = item.id.description
        name = item.name
        isOpen = item.state == .open
    }

    /// What the portal's own addresses carry along.
    static func query(_ address: ReturnAddress?, returning: Bool = false) -> String {
        address.map { "?referrer=\($0.escaped)" + (returning ? "&return=now" : "") } ?? ""
    }
}
