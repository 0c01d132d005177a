import KnocknocModel
import KnocknocProtocol
import Logging

extension AgentLoop {
    /// Notes that the file is behind: at once where something was taken away and is acknowledged after it, else soon.
    func persist(_ ticket: Int?) {
        let now = clocks.boot()
        if let ticket {
            pendingTickets.append(ticket)
            writeDue = now
        } else {
            writeDue = min(
                writeDue ?? now.adding(milliseconds: Self.lazyWrite), now.adding(milliseconds: Self.lazyWrite))
        }
    }

    /// Begins a write where one is due and none is under way; its end comes back through the mailbox.
    func writeIfDue() {
        guard !writing, let due = writeDue, due <= clocks.boot() else { return }
        let tickets = pendingTickets
        pendingTickets = []
        writeDue = nil
        guard let writer else {
            if !tickets.isEmpty { mailbox.post(.written(.init(durable: tickets, stuck: [], error: nil))) }
            return
        }
        writing = true
        let state = machine.state(wall: clocks.wall(), now: stamp)
        writer.begin(state, tickets: tickets, on: eventLoop) { [mailbox] in mailbox.post(.written($0)) }
    }

    func written(_ result: StateWriter.Result) async {
        writing = false
        if let error = result.error { logger.error("\(error.message)") }
        if !result.stuck.isEmpty {
            pendingTickets += result.stuck
            writeDue = clocks.boot().adding(milliseconds: 1000)
        }
        for ticket in result.durable { await perform(machine.persisted(ticket)) }
    }
}
