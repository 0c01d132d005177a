import KnocknocAccess
import KnocknocModel

/// The user's page, as `portal.mustache` reads it.
struct PortalPage {
    var frame: Frame
    var who: String
    var address: String?
    var addressReason: String?
    var sessionEnd: String
    var sessionEndText: String
    var cards: [KnocCard]
    var isEmpty: Bool
    /// Something is on its way that a reader without scripts has to look for.
    var waiting: Bool
    var states: [StateText]
    /// Where the reader is now, if nothing is open for that address yet.
    var change: Change?
    /// Whether the page's script shows the browser's other addresses at ProbeURLs.
    var probes = false

    struct Change {
        var address: String
        /// Whether the password is asked for.
        var asks: Bool

        init(_ change: AddressChange) {
            address = change.address.description
            asks = change.asks
        }
    }
    var back: BackLink?

    init(frame: Frame, session: Session, knocs: [KnocItem], back: BackLink? = nil) {
        self.init(
            frame: frame, who: session.displayName ?? session.name, address: Self.text(session),
            sessionEnd: session.expiresAt, knocs: knocs)
        addressReason = session.addressReason
        self.back = back
        for index in cards.indices where cards[index].id == back?.knoc { cards[index].referrer = back?.url }
    }

    /// What the session opens things for, what it came from last first.
    private static func text(_ session: Session) -> String? {
        let others = session.addresses.map(\.address).filter { $0 != session.address }
        let all = (session.address.map { [$0] } ?? []) + others
        guard let last = all.last else { return nil }
        let first = all.dropLast().map(\.description).joined(separator: ", ")
        return first.isEmpty ? last.description : "\(first) and \(last)"
    }

    init(frame: Frame, who: String, address: String?, sessionEnd: Timestamp, knocs: [KnocItem]) {
        var frame = frame
        waiting = knocs.contains { $0.state.isUnsettled }
        frame.refreshWithoutScript = waiting
        self.frame = frame
        self.who = who
        self.address = address
        self.sessionEnd = sessionEnd.description
        sessionEndText = TimeText(sessionEnd).text
        cards = knocs.map { KnocCard($0, address: address) }
        isEmpty = knocs.isEmpty
        states = KnocState.allCases.map { StateText($0, address: address) }
    }
}
