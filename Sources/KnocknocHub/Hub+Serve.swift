public import KnocknocModel
import KnocknocProtocol
import Logging
public import NIOCore
public import NIOWebSocket

extension Hub {
    /// Serves one agent's link until it ends.
    ///
    /// - Parameters:
    ///   - channel: the upgraded connection; its decoder must take frames of 1 MiB.
    ///   - agent: whose bearer token came with the request.
    ///   - isRevoked: disabled or deleted; it is told so at once.
    ///   - host: the request's `Host` header, which the agent signs.
    ///   - address: from where the agent comes, for the audit.
    ///   - token: SHA-256 of the bearer token, with which the link ends; nil for one that no token ends.
    public func serve(
        _ channel: NIOAsyncChannel<WebSocketFrame, WebSocketFrame>, agent: AgentID, isRevoked: Bool = false,
        host: String, from address: IPAddress? = nil, token: [UInt8]? = nil
    ) async {
        var logger = logger
        logger[metadataKey: "agent"] = "\(agent)"
        do {
            try await channel.executeThenClose { [logger] inbound, outbound in
                let vitals = LinkVitals(now: .now)
                let session = LinkSession(
                    hub: self, agent: agent, host: host, address: address, token: token, channel: channel.channel,
                    vitals: vitals,
                    writer: LinkWriter(outbound: outbound, vitals: vitals), logger: logger)
                try await isRevoked ? session.dismiss(inbound) : session.run(inbound)
            }
        } catch {
            logger.debug("A link ended.", metadata: ["error": "\(error)"])
        }
    }
}
