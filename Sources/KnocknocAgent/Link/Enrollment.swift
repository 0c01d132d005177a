import FoundationEssentials
public import KnocknocModel
import KnocknocProtocol
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A first visit to the server: is it there, is it trusted, does it take the token, and whom does it take us for?
/// Nothing is said but the token, so a running agent keeps its link.
public enum Enrollment {
    public struct Answer: Sendable {
        public var agent: AgentID
        /// The URL that answered.
        public var server: String
        public var fingerprint: String
    }

    /// Makes the keys where there are none and asks each server in turn.
    ///
    /// - Throws: ``AgentError`` with the reason of each server that did not answer.
    public static func check(_ configuration: AgentConfiguration) async throws(AgentError) -> Answer {
        let keys = try KeyFile(path: configuration.keyFile).readOrMake()
        let trust = try TLSTrust(caFile: configuration.tlsCAFile, fingerprints: configuration.tlsFingerprints)
        let client = LinkClient(
            group: MultiThreadedEventLoopGroup.singleton, token: configuration.token, trust: trust,
            userAgent: "knocknoc-agent/\(AgentVersion.current)", identity: configuration.identity)
        var reasons: [AgentError] = []
        for server in configuration.servers {
            do throws(AgentError) {
                let agent = try await challenge(client, server)
                return Answer(agent: agent, server: server.description, fingerprint: keys.fingerprint)
            } catch {
                reasons.append(error)
            }
        }
        let refused = reasons.contains { $0.code == .refused }
        throw AgentError(refused ? .refused : .link, reasons.map(\.message).joined(separator: "\n"))
    }

    private static func challenge(_ client: LinkClient, _ server: ServerURL) async throws(AgentError) -> AgentID {
        let (frames, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        let link = try await client.connect(to: server) { continuation.yield($0) }
        let waiting = Task {
            _ = await link.ended()
            continuation.finish()
        }
        defer {
            link.close("enrollment is done")
            waiting.cancel()
        }
        let patience = Task {
            try await Task.sleep(for: .seconds(5))
            link.close("no challenge within 5 s")
        }
        defer { patience.cancel() }
        for await frame in frames {
            let message: ServerMessage
            do throws(ProtocolError) { message = try Codec.decodeServer(frame.readableBytesView) } catch {
                throw AgentError(.link, "\(server): \(error.message)")
            }
            switch message {
            case .challenge(let challenge): return challenge.agent
            case .bye(let bye): throw AgentError(bye.code == .revoked ? .refused : .link, "\(server): \(bye.text)")
            default: continue
            }
        }
        throw AgentError(.link, "\(server): \(await link.ended().reason)")
    }
}
