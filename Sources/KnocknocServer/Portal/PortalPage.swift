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
    var back: BackLink?

    init(frame: Frame, session: Session, knocs: [KnocItem], back: BackLink? = nil) {
        self.init(
            frame: frame, who: session.displayName ?? session.name, address: session.address?.description,
            sessionEnd: session.expiresAt, knocs: knocs)
        addressReason = session.addressReason
        self.back = back
        for index in cards.indices where cards[index].id == back?.knoc { cards[index].referrer = back?.url }
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
