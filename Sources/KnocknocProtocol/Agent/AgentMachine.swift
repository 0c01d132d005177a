public import KnocknocModel

/// The agent's end of the link and its copy of what the server wants: a value without clock, socket or file.
///
/// The driver calls a function for each thing that happens and carries out the effects in order. Every rule here errs
/// on the side of less access: a deadline counts from a stamp of the agent's own clock, for one revision it only moves
/// earlier, and what was taken away comes back only by a newer decision of the server.
public struct AgentMachine: Sendable {
    /// A deadline that differs by less is the same: a fresh estimate of an unchanged end. Milliseconds.
    static let tolerance: Int64 = 1000
    /// How long a removal on the server's word is remembered, in milliseconds.
    static let removalMemory: Int64 = 24 * 3_600_000
    /// How long an end by deadline is remembered; it covers what a failover may lose. Milliseconds.
    static let expiryMemory: Int64 = 600_000
    /// How long a list that has ended is served empty, and how many are: a device may be away for weeks. Milliseconds.
    static let listMemory: Int64 = 30 * 24 * 3_600_000
    static let maximumLists = 100
    /// How many web nodes are remembered.
    static let endpointLimit = 32
    /// Lines of log with one answer to a ping.
    static let logLimit = 200
    /// Nothing is open for longer than a century, whatever a server says: such moments can be computed with. Milliseconds.
    static let longest: Int64 = 100 * 365 * 86_400_000
    /// The most removals held; the oldest give way. They fit into a hello of 1 MiB.
    static let maximumRemovals = 3000

    // The copy.
    public internal(set) var agent: AgentID?
    public internal(set) var position: Position?
    var boot: String
    /// How long an address may be open on one decision of the server, in milliseconds, by this host's own word.
    let maxDuration: Int64?
    var targets: [TargetID: TargetRow] = [:]
    public internal(set) var entries: [EntryID: HeldEntry] = [:]
    var removals: [EntryID: HeldRemoval] = [:]
    var trials: [TargetID: HeldTrial] = [:]

    // What the kernel was last asked for, and what became of it.
    var entriesByMember: [MemberKey: [EntryID]] = [:]
    public internal(set) var members: [MemberKey: BootTime] = [:]
    var targetFailures: [TargetID: String] = [:]
    var memberFailures: [MemberKey: String] = [:]
    /// Those of them that are about a cut of flows which others may have.
    var failedCuts: Set<MemberKey> = []
    /// Members whose end was moved ahead, until the kernel has said that it has it.
    var shortening: Set<MemberKey> = []
    /// Rows that were not taken as the server wants them, and why.
    var refusals: [EntryID: Failure] = [:]
    var dryRun: Set<TargetID> = []

    /// The moment after which a server's database was last known to be there; nil is never.
    var heard: BootTime?
    /// Targets that let nobody in because no server has spoken for too long, until one says how things stand.
    public internal(set) var lapsed: Set<TargetID> = []

    /// Until when lists that ended are served, empty; devices that cannot fetch one keep what they had.
    var lists: [TargetID: BootTime] = [:]

    /// Members whose flows an earlier run of the agent has left uncut.
    var owed: Set<MemberKey> = []
    /// Those of them whose flows end whoever else may have them.
    var owedCuts: Set<MemberKey> = []
    /// Where else a server says to dial; what this machine allows of it is the driver's to say.
    public internal(set) var endpoints: [String] = []

    // Work that the driver has not finished.
    var works: [Work] = []
    var lastTicket = 0
    /// The position up to which kernel and file are done.
    public internal(set) var confirmed: Position?
    var nextExpiry: BootTime?
    /// Something that the file still grants was taken away since the last persist.
    var shortened = false

    /// What was mended and no server has been told of.
    var drift: AgentMessage.Drift?

    // The link.
    var link: Link?
    var snapshot: Snapshot?

    struct Link: Sendable {
        /// The agent's last two stamps, of the hello and of heartbeats.
        var stamps: [AgentStamp] = []
        /// Stamps sent and not answered.
        var unanswered = 0
        var welcome: ServerMessage.Welcome?
        /// Whether the copy has been brought in line on this link.
        var synced = false
        var reported: AgentMessage.Applied?
    }

    struct Snapshot: Sendable {
        var begin: ServerMessage.SnapshotBegin
        /// The position before it, for deciding which cuts are new.
        var before: Position?
        var targets: Set<TargetID> = []
        var entries: Set<EntryID> = []
    }

    struct Work: Sendable {
        var ticket: Int
        /// Where the copy stands once this and everything before it is done; nil in the middle.
        var position: Position?
        var steps: [MemberStep] = []
        var done = false
    }

    /// - Parameters:
    ///   - state: what the state file held, already ``AgentState/restored(now:wall:wallIsSynchronised:)``; nil for none.
    ///   - now: the agent's own moment.
    ///   - maxDuration: how long an address may be open on one decision of the server, in milliseconds.
    public init(state: AgentState?, now: AgentStamp, maxDuration: Int64? = nil) {
        boot = now.boot
        self.maxDuration = maxDuration
        guard let state, state.boot == now.boot else { return }
        agent = state.agent
        position = state.position
        targets = Dictionary(state.targets.map { ($0.definition.id, $0) }) { _, last in last }
        entries = state.entries.filter { $0.value.deadline > now.time }
        removals = state.removals
        trials = state.trials
        refusals = state.refusals
        owed = state.owed
        owedCuts = state.owedCuts ?? []
        endpoints = state.endpoints ?? []
        heard = state.heard
        lapsed = state.lapsed ?? []
        for (id, row) in targets where row.definition.isEndedList {
            lists[id] = state.lists?[id] ?? now.time.keeping(milliseconds: Self.listMemory)
        }
        for (id, held) in state.entries where entries[id] == nil {
            remember(id, held, for: Self.expiryMemory, now: now.time)
            // It ended while nobody was there to cut its flows.
            owed.insert(held.key)
        }
        for (id, held) in entries {
            entriesByMember[held.key, default: []].append(id)
            limit(id, now: now.time)
        }
        lapseWhileAway(now: now.time)
        for key in entriesByMember.keys { members[key] = wantedDeadline(key, now: now.time) }
        nextExpiry = entries.values.map(\.deadline).min()
    }

    /// Members whose flows the kernel is still busy with.
    private var cutting: [MemberKey] {
        works.lazy.filter { !$0.done }.flatMap { work in
            work.steps.compactMap { if case .open = $0 { nil } else { $0.key } }
        }
    }

    /// Those of them whose flows are cut whoever else may have them.
    private var cuttingAll: Set<MemberKey> {
        Set(
            works.lazy.filter { !$0.done }.flatMap { work in
                work.steps.compactMap { if case .cut = $0 { $0.key } else { nil } }
            })
    }

    /// What the state file is to hold now.
    public func state(wall: Timestamp, now: AgentStamp) -> AgentState {
        let cuts = owedCuts.union(cuttingAll).union(failedCuts)
        return AgentState(
            agent: agent, boot: boot, wall: wall, time: now.time, position: position,
            targets: targets.values.sorted { $0.definition.id < $1.definition.id }, entries: entries,
            removals: removals, trials: trials, refusals: refusals,
            owed: owed.union(cutting).union(memberFailures.keys), owedCuts: cuts.isEmpty ? nil : cuts, heard: heard,
            lapsed: lapsed.isEmpty ? nil : lapsed, endpoints: endpoints, lists: lists.isEmpty ? nil : lists)
    }

    /// Milliseconds between heartbeats on this link; nil before the welcome.
    public var heartbeatInterval: Int64? { link?.welcome?.heartbeat }

    /// Whether the server has welcomed this link and the copy is in line with it.
    public var isSynced: Bool { link?.synced ?? false }

    /// The next moment at which ``tick(now:)`` has something to do.
    public var nextDeadline: BootTime? {
        let trial = trials.values.filter { !$0.reverted }.map(\.deadline).min()
        return [trial, nextLapse, nextExpiry, lists.values.min()].compactMap(\.self).min()
    }
}
