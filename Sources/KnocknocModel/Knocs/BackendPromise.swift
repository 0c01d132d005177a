/// What a backend promises about the end of access: the one table that pages and documents show.
public struct BackendPromise: Hashable, Sendable {
    /// What it is, as the table's first column has it.
    public var form: String
    /// What becomes of a new flow at the end of access.
    public var newFlows: String
    /// What becomes of an established flow then.
    public var establishedFlows: String
    /// What becomes of access whose end comes while the agent is dead.
    public var agentDead: String
    /// Whether the device ends an entry at its expiry with the agent dead.
    public var endsByItself: Bool

    /// Every form that access takes, in the order of the documents.
    public static let all: [BackendPromise] = [
        nftablesGuard, nftablesSet(cuts: true), nftablesSet(cuts: false), ipset(blocks: true, cuts: false),
        ipset(blocks: false, cuts: true), ipset(blocks: false, cuts: false), haproxyMap(cuts: true),
        haproxyMap(cuts: false), haproxyList(cuts: true), haproxyList(cuts: false), script(cuts: true),
        script(cuts: false), allowList, dryRun,
    ]

    static let nftablesGuard = BackendPromise(
        form: "nftables guard", newFlows: "refused by the kernel", establishedFlows: "refused by the kernel",
        agentDead: "ends on time, established flows too", endsByItself: true)

    static func nftablesSet(cuts: Bool) -> BackendPromise {
        BackendPromise(
            form: "nftables set" + flows(cuts), newFlows: "refused by the kernel", establishedFlows: cut(cuts),
            agentDead: "new flows are refused on time; established ones live on", endsByItself: true)
    }

    static func ipset(blocks: Bool, cuts: Bool) -> BackendPromise {
        BackendPromise(
            form: blocks ? "ipset with a block list" : "ipset" + flows(cuts), newFlows: "refused by the kernel",
            establishedFlows: blocks ? "refused by the kernel once the agent has listed the address" : cut(cuts),
            agentDead: "new flows are refused on time; established ones live on", endsByItself: true)
    }

    static func haproxyMap(cuts: Bool) -> BackendPromise {
        BackendPromise(
            form: "HAProxy map" + flows(cuts), newFlows: "refused by HAProxy", establishedFlows: cut(cuts),
            agentDead: "new flows are refused on time; established ones live on", endsByItself: true)
    }

    static func haproxyList(cuts: Bool) -> BackendPromise {
        BackendPromise(
            form: "HAProxy access list" + flows(cuts), newFlows: "refused once the agent has said so",
            establishedFlows: cut(cuts), agentDead: "stays open until the agent is back", endsByItself: false)
    }

    static func script(cuts: Bool) -> BackendPromise {
        BackendPromise(
            form: "script" + flows(cuts), newFlows: "refused once the script has taken the address away",
            establishedFlows: cuts
                ? "cut by the agent where they pass its machine, other Knocs' on these ports too" : cut(false),
            agentDead: "stays open until the agent is back", endsByItself: false)
    }

    static let allowList = BackendPromise(
        form: "allow list", newFlows: "refused once the device has fetched the list",
        establishedFlows: "as the device does", agentDead: "left out when the list is next made", endsByItself: true)

    static let dryRun = BackendPromise(
        form: "dry run", newFlows: "nothing is changed", establishedFlows: "nothing is changed",
        agentDead: "nothing is changed", endsByItself: true)

    private static func flows(_ named: Bool) -> String { named ? " with ports" : " without ports" }
    private static func cut(_ cuts: Bool) -> String {
        cuts ? "cut by the agent, other Knocs' on these ports too" : "live on"
    }
}

extension Backend {
    /// What it promises; nil where this build does not know it.
    public var promise: BackendPromise? {
        let cuts = flows != nil
        return switch self {
        case .unknown: nil
        case .dryRun: .dryRun
        case .nftablesGuard: .nftablesGuard
        case .nftablesSet: .nftablesSet(cuts: cuts)
        case .ipset(let value): .ipset(blocks: value.blockIPv4 != nil || value.blockIPv6 != nil, cuts: cuts)
        case .haproxy(let value):
            if case .map = value.list { .haproxyMap(cuts: cuts) } else { .haproxyList(cuts: cuts) }
        case .script: .script(cuts: cuts)
        case .allowList: .allowList
        }
    }
}
