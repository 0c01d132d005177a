/// What a user is shown of a Knoc, from the right and from what agents have confirmed; it never guesses.
public struct VisibleState: Hashable, Sendable {
    /// The newest grant of this session for this Knoc.
    public enum Right: Hashable, Sendable {
        case none
        case live(until: Timestamp)
        case ended(until: Timestamp)
    }

    public var state: KnocState
    public var reason: String?

    public init(_ state: KnocState, _ reason: String? = nil) {
        self.state = state
        self.reason = reason
    }

    /// - Parameters:
    ///   - refusal: why nothing new is granted; nil where it could be.
    ///   - sharer: through what an address stays open after this right's end, as the reader sees it.
    public static func of(
        _ right: Right, _ facts: [EnforcementFact], openWhen: OpenWhen, refusal: String?, at now: Timestamp,
        sharer: String = "someone else"
    ) -> VisibleState {
        switch right {
        case .live(let until) where until > now:
            return live(facts, openWhen)
        case .live(let until), .ended(let until):
            if let closing = closing(facts, until: until, expired: until <= now) { return closing }
            if let refusal { return VisibleState(.refused, refusal) }
            let shared = until > now && facts.contains { $0.wanted }
            return VisibleState(
                .closed, shared ? "closed for you; this address is still open through \(sharer)" : nil)
        case .none:
            return refusal.map { VisibleState(.refused, $0) } ?? VisibleState(.closed)
        }
    }

    /// The same right at another address of the same session.
    public struct Beside: Hashable, Sendable {
        public var address: IPAddress
        public var state: VisibleState

        public init(address: IPAddress, state: VisibleState) {
            self.address = address
            self.state = state
        }
    }

    /// With what is otherwise at other addresses.
    public func telling(of others: [Beside]) -> VisibleState {
        let different = others.filter { $0.state.state != state }
        guard !different.isEmpty else { return self }
        let words = different.map { other in
            "\(other.address): \(other.state.state.word)" + (other.state.reason.map { " (\($0))" } ?? "")
        }
        return VisibleState(state, ([reason].compactMap { $0 } + words).joined(separator: "; "))
    }

    private static func live(_ facts: [EnforcementFact], _ openWhen: OpenWhen) -> VisibleState {
        // An agent that the Knoc has left has no part in it.
        let facts = facts.filter { $0.wanted && $0.isPlaced }
        guard !facts.isEmpty else { return VisibleState(.failed, "no agent enforces this Knoc") }
        let states = facts.map(\.named)
        switch openWhen {
        case .all:
            return states.first { $0.state == .failed } ?? states.first { $0.state == .pending }
                ?? states.first { $0.state == .dryRun } ?? VisibleState(.open)
        case .one:
            return states.first { $0.state == .open } ?? states.first { $0.state == .pending }
                ?? states.first { $0.state == .dryRun } ?? states[0]
        }
    }

    private static func closing(_ facts: [EnforcementFact], until: Timestamp, expired: Bool) -> VisibleState? {
        let unconfirmed = facts.filter { !$0.wanted && !($0.confirmed && $0.outcome != .failed) }
        guard let fact = unconfirmed.first(where: { !expired || !$0.endsByItself }) else { return nil }
        let late = fact.endsByItself ? "; closed at the latest at \(until)" : ""
        if fact.outcome == .failed {
            return VisibleState(.closing, "\(fact.agent): \(fact.reason ?? "could not close it")\(late)")
        }
        return VisibleState(
            .closing, fact.linked ? nil : "\(fact.agent) is not connected and has not confirmed\(late)")
    }
}

extension EnforcementFact {
    /// This agent's part of a right.
    public func part(of right: VisibleState.Right, at now: Timestamp) -> VisibleState {
        switch right {
        case .live(let until) where until > now && isPlaced: return wanted ? visible : left(until)
        case .none: return VisibleState(.closed)
        case .live(let until), .ended(let until):
            if wanted { return VisibleState(.closed, "its address is still open through another grant") }
            return left(until > now ? until : nil)
        }
    }

    /// What is to be closed here, until then at the latest where that is known.
    private func left(_ until: Timestamp?) -> VisibleState {
        if confirmed, outcome != .failed { return VisibleState(.closed) }
        let late = endsByItself ? until.map { "; closed at the latest at \($0)" } ?? "" : ""
        if outcome == .failed { return VisibleState(.closing, (reason ?? "could not close it") + late) }
        return VisibleState(.closing, linked ? nil : "not connected" + late)
    }

    /// This agent's part of a live right, in words beside the agent's name.
    private var visible: VisibleState {
        if targetOutcome == .failed { return VisibleState(.failed, targetReason ?? "failed") }
        if wanted, outcome == .failed { return VisibleState(.failed, reason ?? "failed") }
        if wanted, outcome == .applied || outcome == .dryRun {
            guard targetOutcome == .dryRun || outcome == .dryRun else {
                return hasLapsed
                    ? VisibleState(.pending, "not connected, and closed until it is back") : VisibleState(.open)
            }
            return VisibleState(.dryRun, "only notes what it would do")
        }
        return VisibleState(.pending, linked ? nil : "not connected")
    }

    /// The same, in words that name the agent.
    fileprivate var named: VisibleState {
        var named = visible
        switch (named.state, named.reason) {
        case (.failed, let reason?): named.reason = "\(agent): \(reason)"
        case (.dryRun, let reason?): named.reason = "\(agent) \(reason)"
        case (.pending, _?):
            named.reason = "waiting for \(agent), which is not connected"
            if hasLapsed, outcome == .applied { named.reason? += "; it is closed there until then" }
        default: break
        }
        return named
    }
}
