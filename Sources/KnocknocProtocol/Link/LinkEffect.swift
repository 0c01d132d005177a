import KnocknocModel

/// What the hub is to do for one link, in the order given.
public enum LinkEffect: Hashable, Sendable {
    /// Read the agent's stream; answer with ``LinkMachine/fetched(_:)``. At most one is under way.
    case fetch(after: Position?)
    /// Write this; a snapshot goes on when ``LinkMachine/written()`` says that the last message is out.
    case send(ServerMessage)
    case record(AgentMessage.Applied)
    case trial(AgentMessage.Trial)
    case fetched(AgentMessage.Fetched)
    /// End the rights behind these, then say ``LinkMachine/replayed()``.
    case replayRemovals([Removal])
    /// The agent answered a ping.
    case ponged(AgentMessage.Pong)
    /// Say bye and close.
    case close(ServerMessage.Bye)
}
