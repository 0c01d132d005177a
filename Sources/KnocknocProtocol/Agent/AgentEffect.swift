public import KnocknocModel

/// What the agent's driver is to do, in the order given; results of numbered ones come back with their ticket.
public enum AgentEffect: Hashable, Sendable {
    /// Sign ``SignedHello`` for this challenge and say hello with these facts and the driver's own.
    case greet(Greeting)
    case send(AgentMessage)
    /// Count the flows that this guard would cut, before it is defined; answer with ``AgentMachine/counted(_:flows:sources:now:)``.
    case census(TargetID, NFTablesGuard)
    /// Make all these targets true; answer with ``AgentMachine/defined(_:_:)``.
    case define(ticket: Int, [TargetDefinition])
    /// Apply steps; answer with ``AgentMachine/applied(_:_:)``, in the order of the tickets and before a `define`, a
    /// `census` or a `reconcile` that follows is begun. Steps for one member are done in order; those for others, and
    /// what else follows, may overtake them.
    case apply(ticket: Int, [MemberStep])
    /// Make the kernel equal to this; answer with ``AgentMachine/reconciled(_:targets:failures:stuck:)``.
    case reconcile(ticket: Int, [TargetDefinition], [MemberKey: BootTime])
    /// Write ``AgentMachine/state(wall:now:)``. With a ticket somebody waits for it: answer with
    /// ``AgentMachine/persisted(_:)`` once the file is durable or, where it cannot be written, unlinked.
    case persist(ticket: Int?)
    /// Answer this ping with so many of the last log lines.
    case answer(ping: String, logLines: Int)
    case closeLink(CloseReason)

    /// What the machine contributes to a hello.
    public struct Greeting: Hashable, Sendable {
        public var agent: AgentID
        public var nonce: String
        public var stamp: AgentStamp
        public var position: Position?
        public var removals: [Removal]
    }

    /// Why the agent ends a link, and what that means for dialling again.
    public enum CloseReason: Hashable, Sendable {
        /// Dial again at once: the copy must be brought in line.
        case resync(String)
        /// The server did not answer two heartbeats.
        case silent
        /// The server said so.
        case bye(ServerMessage.Bye)
        /// Both ends speak no common protocol; dial again slowly.
        case unsupported(String)
    }
}
