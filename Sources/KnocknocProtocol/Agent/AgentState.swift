public import KnocknocModel

/// What the agent's state file holds.
public struct AgentState: Hashable, Sendable, Codable {
    public static let currentFormat = 1

    public var format = AgentState.currentFormat
    /// Whose state it is; nil before the first link.
    public var agent: AgentID?
    /// The boot to which every BOOTTIME here belongs.
    public var boot: String
    /// This machine's wall clock when the state was stamped.
    public var wall: Timestamp
    /// BOOTTIME at the same moment.
    public var time: BootTime
    public var position: Position?
    public var targets: [TargetRow]
    public var entries: [EntryID: HeldEntry]
    public var removals: [EntryID: HeldRemoval]
    public var trials: [TargetID: HeldTrial]
    /// Rows that were not taken as the server wants them, and why.
    public var refusals: [EntryID: Failure]
    /// Members whose flows were still being cut when the state was stamped.
    public var owed: Set<MemberKey>
    /// Those of them whose flows end whoever else may have them; nil is none.
    public var owedCuts: Set<MemberKey>?
    /// Web nodes that a server named; nil in files of older agents.
    public var endpoints: [String]?
    /// The agent's moment after which a server's database was last known to be there.
    public var heard: BootTime?
    /// Targets that let nobody in because no server has spoken for too long; nil is none.
    public var lapsed: Set<TargetID>?
    /// Until when lists that have ended are served, empty; nil is none.
    public var lists: [TargetID: BootTime]?

    public init(
        agent: AgentID?, boot: String, wall: Timestamp, time: BootTime, position: Position? = nil,
        targets: [TargetRow] = [], entries: [EntryID: HeldEntry] = [:], removals: [EntryID: HeldRemoval] = [:],
        trials: [TargetID: HeldTrial] = [:], refusals: [EntryID: Failure] = [:], owed: Set<MemberKey> = [],
        owedCuts: Set<MemberKey>? = nil, heard: BootTime? = nil, lapsed: Set<TargetID>? = nil,
        endpoints: [String]? = nil, lists: [TargetID: BootTime]? = nil
    ) {
        self.agent = agent
        self.boot = boot
        self.wall = wall
        self.time = time
        self.position = position
        self.targets = targets
        self.entries = entries
        self.removals = removals
        self.trials = trials
        self.refusals = refusals
        self.owed = owed
        self.owedCuts = owedCuts
        self.endpoints = endpoints
        self.heard = heard
        self.lapsed = lapsed
        self.lists = lists
    }
}

extension AgentState {
    /// This state at the agent's start, with every moment in the present boot.
    ///
    /// In the same boot BOOTTIME counts. In another one entries live on only where the wall clock can be believed and
    /// is past the last stamp; then what is left is what was left less the time that passed. Otherwise they are gone,
    /// and with them the position, so that the server sends everything again.
    ///
    /// - Parameters:
    ///   - now: the agent's own moment.
    ///   - wall: this machine's wall clock at that moment.
    ///   - wallIsSynchronised: whether the kernel calls it synchronised, or the administrator trusts it.
    public func restored(now: AgentStamp, wall: Timestamp, wallIsSynchronised: Bool) -> AgentState {
        var state = self
        state.boot = now.boot
        state.time = now.time
        state.wall = wall
        if boot == now.boot, now.time >= time { return state }
        // No flow outlives a boot.
        (state.owed, state.owedCuts) = ([], nil)

        let passed = wall.milliseconds(since: self.wall)
        let believed = boot != now.boot && wallIsSynchronised && passed >= 0
        /// A moment of the old boot, in the new one: as far ahead as it was at the stamp, less what passed since.
        func moved(_ moment: BootTime) -> BootTime {
            now.time.adding(milliseconds: moment.milliseconds(since: time)).adding(milliseconds: -max(0, passed))
        }
        state.heard = believed ? heard.map(moved) : nil
        if believed {
            state.entries = entries.mapValues { entry in
                var entry = entry
                entry.deadline = moved(entry.deadline)
                return entry
            }
        } else {
            state.entries = [:]
            state.position = nil
        }
        /// A moment until which something is kept. Too long does no harm, forgotten too early does.
        func kept(_ moment: BootTime) -> BootTime {
            now.time.keeping(milliseconds: max(0, moment.milliseconds(since: time)))
        }
        state.removals = removals.mapValues { HeldRemoval(removal: $0.removal, keptUntil: kept($0.keptUntil)) }
        state.lists = lists?.mapValues(kept)
        state.trials = trials.mapValues { HeldTrial(previous: $0.previous, deadline: now.time, reverted: $0.reverted) }
        return state
    }
}
