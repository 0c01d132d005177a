/// The hub's intervals and limits.
public struct HubOptions: Sendable {
    /// Between an agent's heartbeats; after three missed ones it counts as stale.
    public var heartbeat: Duration = .seconds(5)
    /// How long a link may be silent before it ends.
    public var silence: Duration = .seconds(30)
    /// How long an agent may take to say hello.
    public var hello: Duration = .seconds(10)
    /// How many agents are taken in at a time: from their hello until they are told how everything stands. Hardly more than
    /// the store has connections for transactions, so that grants get through while a herd comes back.
    public var greetings = 12
    /// How long one write may be stuck.
    public var write: Duration = .seconds(10)
    /// Between comparisons of all links with the store.
    public var comparison: Duration = .seconds(1)
    /// Between notes of who is linked here.
    public var presence: Duration = .seconds(5)
    /// How long the database may be silent before the node lets its agents go.
    public var databaseSilence: Duration = .seconds(5)
    /// How long a link may take to end after its bye.
    public var farewell: Duration = .seconds(2)
    /// This software's version, for the welcome.
    public var version = "0"

    public init() {}
}
