public import KnocknocModel
public import KnocknocProtocol
import Logging
import Synchronization

extension Hub {
    /// Asks an agent over its link; nil where it is not linked here or does not answer within 5 s.
    ///
    /// - Parameter logLines: how many of its last log lines it is to say.
    public func ping(_ agent: AgentID, logLines: Int? = nil) async -> PingAnswer? {
        guard let link = registry[agent] else { return nil }
        var generator = SystemRandomNumberGenerator()
        let id = String(generator.next(), radix: 16)
        return await pings.ping(id, limit: .seconds(5)) { link.put(.ping(.init(id: id, logLines: logLines))) }
    }

    /// Passes on the pings that the store has for agents that are linked here. It does not wait for the answers, which
    /// go to the store as they come.
    func answerPings() async {
        guard !registry.all.isEmpty else { return }
        let requests: [PingRequest]
        do { requests = try await directory.pings() } catch {
            return logger.debug("Pings could not be looked for.", metadata: ["error": "\(error)"])
        }
        for request in requests where registry[request.agent] != nil {
            guard asked.withLock({ $0.insert(request.id).inserted }) else { continue }
            Task {
                await self.answer(request)
                self.asked.withLock { _ = $0.remove(request.id) }
            }
        }
    }

    private func answer(_ request: PingRequest) async {
        guard let answer = await ping(request.agent, logLines: request.logLines) else { return }
        do { try await directory.answer(request.id, answer, node: node) } catch {
            logger.debug("A ping's answer could not be written.", metadata: ["error": "\(error)"])
        }
    }
}
