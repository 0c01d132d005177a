import KnocknocModel
import Synchronization

/// Which Knocs were seen in line with their zones, and how all agents stood then: those alone are looked at again that
/// something may have changed for.
final class ZoneWatch: Sendable {
    /// All agents in sums (``ZoneTable/census(heardSince:)``).
    struct Census: Hashable, Sendable {
        var agents: Int64
        var changes: Int64
        /// Of those that are heard of.
        var heard: Int64
    }

    /// A Knoc that follows zones.
    struct Follower: Hashable, Sendable {
        var id: KnocID
        var version: Int64
        var placement: Placement
    }

    private struct Seen: Equatable {
        var follower: Follower
        var census: Census
        var leavingSilent: Bool

        init(_ follower: Follower, _ census: Census, leavingSilent: Bool) {
            self.follower = follower
            self.census = census
            self.leavingSilent = leavingSilent
            guard follower.placement == .all else { return }
            // Who is heard of makes no difference to it.
            self.census.heard = 0
            self.leavingSilent = false
        }
    }

    private struct State {
        var seen: [KnocID: Seen] = [:]
        var looks = 0
        var isDue = false
    }

    /// Sums may be the same by chance: every so many looks everything is looked at.
    private static let patience = 60

    private let state = Mutex(State())

    /// An agent has told something of itself.
    func agentHasMoved() { state.withLock { $0.isDue = true } }

    /// Whether that happened since this was asked last.
    func takeDue() -> Bool {
        state.withLock { state in
            defer { state.isDue = false }
            return state.isDue
        }
    }

    /// Those that may be out of line.
    func due(_ followers: [Follower], _ census: Census, leavingSilent: Bool) -> [Follower] {
        state.withLock { state in
            state.looks += 1
            if state.looks % Self.patience == 0 { state.seen = [:] }
            let ids = Set(followers.map(\.id))
            state.seen = state.seen.filter { ids.contains($0.key) }
            return followers.filter { state.seen[$0.id] != Seen($0, census, leavingSilent: leavingSilent) }
        }
    }

    /// This one is in line.
    func note(_ follower: Follower, _ census: Census, leavingSilent: Bool) {
        state.withLock { $0.seen[follower.id] = Seen(follower, census, leavingSilent: leavingSilent) }
    }
}
