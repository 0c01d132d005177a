import Logging
import NIOCore

/// Keeps a link to one of the servers, for ever.
struct Dialer: Sendable {
    let client: LinkClient
    let servers: KnownServers
    let clocks: any Clocks
    let mailbox: Mailbox
    let logger: Logger

    func run() async {
        var backoff = Backoff(servers: servers.all.count)
        var generator = SystemRandomNumberGenerator()
        var number = 0
        var round: [ServerURL] = []
        var lost: ServerURL?
        while !Task.isCancelled {
            if round.isEmpty {
                round = servers.round(after: lost, using: &generator)
                backoff.servers = round.count
            }
            let server = round.removeFirst()
            number += 1
            let (stood, pause) = await attempt(number, server, &backoff)
            if Task.isCancelled { return }
            if stood { (round, lost) = ([], server) }
            let wait = max(pause ?? 0, backoff.next(spread: servers.spread, using: &generator))
            logger.debug("next attempt", metadata: ["wait_ms": "\(wait)"])
            await clocks.sleep(until: clocks.monotonic() + wait)
        }
    }

    /// One link from dialing to its end.
    ///
    /// - Returns: whether a link stood, and milliseconds to wait at least, where somebody said so.
    private func attempt(
        _ number: Int, _ server: ServerURL, _ backoff: inout Backoff
    ) async -> (stood: Bool, pause: Int64?) {
        do throws(AgentError) {
            let mailbox = mailbox
            let link = try await client.connect(to: server) { mailbox.post(.frame(number, $0)) }
            logger.debug("connected", metadata: ["server": "\(server)"])
            mailbox.post(.linkUp(number, link))
            let end = await withTaskCancellationHandler {
                await link.ended()
            } onCancel: {
                link.close("the agent stops")
            }
            mailbox.post(.linkDown(number))
            if link.wasSynced { backoff.succeeded() }
            if !Task.isCancelled {
                logger.warning("the link ended: \(end.reason)", metadata: ["server": "\(server)"])
            }
            return (true, end.pause)
        } catch {
            if Task.isCancelled { return (false, nil) }
            logger.warning("no link: \(error.message)", metadata: ["server": "\(server)"])
            return (false, error.code == .refused ? 2000 : nil)
        }
    }
}
