public import KnocknocModel
import KnocknocStore
import Logging

extension Access {
    /// The item once agents have confirmed it, or as it is after `within`.
    public func settled(_ knoc: KnocID, _ session: Session, within: Duration) async throws -> KnocItem {
        let wakes = Wakes(database.events(), for: session.userID)
        defer { wakes.stop() }
        let deadline = ContinuousClock.now.advanced(by: within)
        wakes.wake(at: deadline)
        for await _ in wakes.stream {
            let item = try await item(knoc, of: session, database)
            if !item.state.isUnsettled || ContinuousClock.now >= deadline { return item }
        }
        return try await item(knoc, of: session, database)
    }

    /// Items whose content changed, beginning with all of them; ends with the session.
    ///
    /// Reads again when something of this user was committed, when a grant's own time has come, and every five
    /// seconds: an agent that falls silent, or a node that dies before it says what it committed, announces nothing.
    public func updates(for session: Session) -> AsyncStream<KnocItem> {
        AsyncStream { continuation in
            let task = Task {
                await follow(session) { continuation.yield($0) }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func follow(_ session: Session, _ yield: (KnocItem) -> Void) async {
        let wakes = Wakes(database.events(), for: session.userID)
        defer { wakes.stop() }
        var shown: [KnocID: KnocItem] = [:]
        for await _ in wakes.stream {
            do {
                let results = try await database.run([
                    SessionTable.liveness(session.id), PortalQuery.knocs(of: session.id),
                ])
                guard let row = results[0].first else { return }
                let now = try row.now(self)
                let sessionEnd = try row.timestamp("expires_at")
                guard sessionEnd > now else { return }
                let items = try items(results[1])
                for item in items where shown[item.id] != item { yield(item) }
                for gone in shown.values where !items.contains(where: { $0.id == gone.id }) {
                    var item = gone
                    item.state = .closed
                    item.expiresAt = nil
                    item.reason = "this Knoc is not yours any more"
                    item.isGone = true
                    yield(item)
                }
                shown = Dictionary(uniqueKeysWithValues: items.map { ($0.id, $0) })
                let next = items.compactMap(\.expiresAt).filter { $0 > now }.min() ?? sessionEnd
                let wait = min(5000, min(next, sessionEnd).milliseconds(since: now) + 2)
                wakes.wake(at: ContinuousClock.now.advanced(by: .milliseconds(wait)))
            } catch {
                logger.debug("the portal's updates cannot be read", metadata: ["error": "\(error)"])
                wakes.wake(at: ContinuousClock.now.advanced(by: .seconds(1)))
            }
        }
    }
}
