import Logging
import NIOCore

/// Keeps a link to one of the servers, for ever.
struct Dialer: Sendable {
    let client: LinkClient
    let servers: [ServerURL]
    let clocks: any Clocks
    let mailbox: Mailbox
    let logger: Logger

    func run() async {
        var backoff = Backoff(servers: servers.count)
        var generator = SystemRandomNumberGenerator()
        var number = 0
        var turn = 0
        while !Task.isCancelled {
            let server = servers[turn % servers.count]
            turn += 1
            number += 1
            let pause = await attempt(number, server, &backoff)
            if Task.isCancelled { return }
            let wait = max(pause ?? 0, backoff.next(using: &generator))
            logger.debug("next attempt", metadata: ["wait_ms": "\(wait)"])
            await clocks.sleep(milliseconds: wait)
        }
    }

    /// One link from dialing to its end.
    ///
    /// - Returns: milliseconds to wait at least, where somebody said so.
    private func attempt(_ number: Int, _ server: ServerURL, _ backoff: inout Backoff) async -> Int64? {
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
            return end.pause
        } catch {
            if Task.isCancelled { return nil }
            logger.warning("no link: \(error.message)", metadata: ["server": "\(server)"])
            return error.code == .refused ? 2000 : nil
        }
    }
}
