import KnocknocModel

/// The text that travels on the channel `knocknoc`: `SENDER;a:ID,ID;u:ID;p:ID`, `SENDER;*` or `SENDER;n:NONCE`.
struct Notification: Equatable, Sendable {
    enum Content: Equatable, Sendable {
        case events(PendingEvents)
        /// The listener's own proof that it hears.
        case nonce(String)
    }

    /// Postgres takes fewer than 8,000 bytes.
    static let longest = 7900

    /// The process that sent it; it has told its own subscribers already.
    var sender: String
    var content: Content

    init(sender: String, content: Content) {
        self.sender = sender
        self.content = content
    }

    /// nil where the text is not ours; a part that a newer release added means "anything may have changed".
    init?(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count >= 2, !parts[0].isEmpty else { return nil }
        sender = String(parts[0])
        if parts[1].hasPrefix("n:") {
            content = .nonce(String(parts[1].dropFirst(2)))
            return
        }
        var events = PendingEvents()
        for part in parts.dropFirst() {
            let names = part.dropFirst(2).split(separator: ",").map(String.init)
            if part.hasPrefix("a:") {
                let ids = names.compactMap { AgentID($0) }
                events.add(ids.count == names.count ? .agents(Set(ids)) : .everything)
            } else if part.hasPrefix("u:") {
                let ids = names.compactMap { UserID($0) }
                events.add(ids.count == names.count ? .users(Set(ids)) : .everything)
            } else if part.hasPrefix("p:") {
                let ids = names.compactMap { AgentID($0) }
                events.add(ids.count == names.count ? .pings(Set(ids)) : .everything)
            } else {
                events.add(.everything)
            }
        }
        content = .events(events)
    }

    var text: String {
        switch content {
        case .nonce(let nonce): return "\(sender);n:\(nonce)"
        case .events(let events):
            var text = sender
            if events.everything { text += ";*" }
            if !events.agents.isEmpty { text += ";a:" + events.agents.map(\.description).joined(separator: ",") }
            if !events.users.isEmpty { text += ";u:" + events.users.map(\.description).joined(separator: ",") }
            if !events.pings.isEmpty { text += ";p:" + events.pings.map(\.description).joined(separator: ",") }
            return text.utf8.count <= Self.longest ? text : "\(sender);*"
        }
    }
}
