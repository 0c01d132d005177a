import KnocknocModel
import NIOCore

/// A link as the hub knows it: where to put what happens to it.
final class Link: Sendable {
    let agent: AgentID
    let epoch: Int64
    /// SHA-256 of the token that it was opened with.
    private let token: [UInt8]?
    let vitals: LinkVitals
    private let inbox: AsyncStream<LinkInput>.Continuation
    private let channel: any Channel

    init(
        agent: AgentID, epoch: Int64, token: [UInt8]?, vitals: LinkVitals,
        inbox: AsyncStream<LinkInput>.Continuation, channel: any Channel
    ) {
        self.agent = agent
        self.epoch = epoch
        self.token = token
        self.vitals = vitals
        self.inbox = inbox
        self.channel = channel
    }

    /// Whether the token that it was opened with counts no more.
    func isOutlived(by tokens: [[UInt8]]?) -> Bool {
        guard let tokens, let token else { return false }
        return !tokens.contains(token)
    }

    /// A link that cannot keep up with what happens to it is cut; the agent dials again and gets the present state.
    func put(_ input: LinkInput) {
        if case .dropped = inbox.yield(input) { cut() }
    }

    /// Closes the connection without a word.
    func cut() { channel.close(promise: nil) }
}
