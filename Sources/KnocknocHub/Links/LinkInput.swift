import KnocknocModel
import KnocknocProtocol

/// What happens to one link, in the order in which it is dealt with.
enum LinkInput: Sendable {
    /// - at: the database's time, estimated on its late side, when the message arrived.
    case message(AgentMessage, at: Timestamp)
    case wake
    /// A commit of this node, with what it changed.
    case stepped(StreamStep)
    case reconnected
    case compare(LinkStanding)
    case fetched(StreamAnswer)
    case failed(String)
    case replayed
    /// The last message of a snapshot is out.
    case written
    case ping(ServerMessage.Ping)
    case nodes(ServerMessage.Nodes)
    case close(ServerMessage.Bye.Code, String)
}
