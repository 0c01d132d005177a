import KnocknocEnforcement
import NIOConcurrencyHelpers
import NIOCore

/// Something that happened, in the order in which the agent takes note of it.
enum AgentInput: Sendable {
    /// A link stands; frames of its number belong to it.
    case linkUp(Int, Link)
    case linkDown(Int)
    case frame(Int, ByteBuffer)
    /// Time may have passed.
    case tick
    case disturbed(Disturbance)
    /// The kernel is done with the steps of some ticket.
    case applied
    /// A write of the state file ended.
    case written(StateWriter.Result)
    case stop
}

/// What waits to be handled; one reader takes everything at once, so that a burst becomes one write.
final class Mailbox: Sendable {
    private struct State {
        var waiting: [AgentInput] = []
        var reader: CheckedContinuation<[AgentInput], Never>?
    }

    private let state = NIOLockedValueBox(State())

    func post(_ input: AgentInput) {
        let reader = state.withLockedValue { state -> CheckedContinuation<[AgentInput], Never>? in
            guard let reader = state.reader else {
                state.waiting.append(input)
                return nil
            }
            state.reader = nil
            return reader
        }
        reader?.resume(returning: [input])
    }

    /// Waits for input; ``AgentInput/stop`` is what ends a reader.
    nonisolated(nonsending) func take() async -> [AgentInput] {
        await withCheckedContinuation { continuation in
            let ready = state.withLockedValue { state -> [AgentInput]? in
                guard !state.waiting.isEmpty else {
                    state.reader = continuation
                    return nil
                }
                defer { state.waiting = [] }
                return state.waiting
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
