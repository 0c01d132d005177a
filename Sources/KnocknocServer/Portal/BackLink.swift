import KnocknocAccess
import KnocknocModel

/// The way back to the page where somebody was refused, as `portal.mustache` reads it. There is one only to the base URL
/// of a Knoc that this person has: the portal leads nobody anywhere else.
struct BackLink {
    var url: String
    var origin: String
    /// The Knoc that opens it.
    var knoc: String
    var name: String
    var isOpen: Bool

    init?(_ address: ReturnAddress?, among knocs: [KnocItem]) {
        guard let address, let item = knocs.first(where: { $0.url.map(address.isAt) ?? false }) else { return nil }
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
