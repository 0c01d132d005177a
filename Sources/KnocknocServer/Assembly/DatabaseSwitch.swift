import KnocknocStore
import Logging
import ServiceLifecycle
import Synchronization

/// Follows a DatabaseURL that a reload has changed. The new way to the database is tried as often as it takes, and the one
/// that is there stays in use until it works: so it does not matter whether a password is changed here or there first.
final class DatabaseSwitch: Service {
    struct Way: Hashable, Sendable {
        var url: String
        var listenURL: String?
    }

    private struct State {
        var way: Way
        /// nil until the server is ready; a database that lacks any of it is refused from then on.
        var seen: SiteHistory?
        var switches = 0
    }

    private let state: Mutex<State>
    private let requests: AsyncStream<Way>
    private let requested: AsyncStream<Way>.Continuation
    private let events: @Sendable () -> AsyncStream<StoreEvent>
    private let look: @Sendable () async throws -> SiteHistory
    private let find: @Sendable (_ url: String, _ seen: SiteHistory?) async throws -> Void
    private let redirect: @Sendable (Way) throws -> Void
    private let pause: @Sendable (Duration) async throws -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - events: of the database that is in use.
    ///   - look: reads how far the database that is in use has come.
    ///   - find: throws where a URL does not lead to a database that has all that was seen.
    ///   - redirect: makes all connections that way from now on.
    ///   - pause: between two tries.
    init(
        _ way: Way, logger: Logger,
        events: @escaping @Sendable () -> AsyncStream<StoreEvent>,
        look: @escaping @Sendable () async throws -> SiteHistory,
        find: @escaping @Sendable (_ url: String, _ seen: SiteHistory?) async throws -> Void = SiteHistory.find,
        redirect: @escaping @Sendable (Way) throws -> Void,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        state = Mutex(State(way: way))
        (requests, requested) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.events = events
        self.look = look
        self.find = find
        self.redirect = redirect
        self.pause = pause
        self.logger = logger
    }

    /// How often the way has changed, for ``settle(on:since:)``.
    var switches: Int { state.withLock { $0.switches } }

    /// Notes whose database it is and how far it has come, unless the way there has changed since.
    func settle(on seen: SiteHistory, since switches: Int) -> Bool {
        state.withLock { state in
            guard state.switches == switches else { return false }
            state.seen = seen
            return true
        }
    }

    /// - Throws: ``StoreError`` `configuration` for what no trying can make right.
    func check(_ way: Way) throws {
        guard way != state.withLock({ $0.way }) else { return }
        let engine = try DatabaseURL(state.withLock { $0.way.url }).engine
        guard engine == .postgres, try DatabaseURL(way.url).engine == .postgres else {
            throw StoreError(.configuration, "DatabaseURL: another file, or a file no more, needs a restart")
        }
        // Opens nothing yet.
        _ = try DatabaseFactory.open(url: way.url, listenURL: way.listenURL, serverLock: false, logger: logger)
    }

    /// Goes this way as soon as it works; the way that is in use ends what is being tried.
    func follow(_ way: Way) { requested.yield(way) }

    func run() async throws {
        let watching = Task { await self.watch() }
        defer { watching.cancel() }
        var trying: Task<Void, Never>?
        for await way in requests.cancelOnGracefulShutdown() {
            trying?.cancel()
            await trying?.value
            trying = nil
            if way != state.withLock({ $0.way }) { trying = Task { await self.change(to: way) } }
        }
        trying?.cancel()
        await trying?.value
    }

    /// Notes soon after each change how far the database has come: it may be gone when that is asked.
    private func watch() async {
        guard (try? DatabaseURL(state.withLock { $0.way.url }).engine) == .postgres else { return }
        for await _ in events() {
            _ = await newestSeen()
            guard (try? await pause(.seconds(1))) != nil else { return }
        }
    }

    /// What the database that is in use says now, else what it said last; nil until the server is ready.
    private func newestSeen() async -> SiteHistory? {
        guard state.withLock({ $0.seen }) != nil else { return nil }
        let now = try? await look()
        return state.withLock { state in
            state.seen = now ?? state.seen
            return state.seen
        }
    }

    private func change(to way: Way) async {
        var wait = Duration.seconds(1)
        var told: String?
        while !Task.isCancelled {
            do {
                // Read before the new one is, which then has it if it is the same.
                let seen = await newestSeen()
                try await find(way.url, seen)
                if try take(way, after: seen) { return }
                continue
            } catch let error as StoreError where error.code == .unavailable {
                if told != error.message {
                    logger.warning(
                        "DatabaseURL is tried again until it works, what was there before stays in use: \(error)")
                }
                told = error.message
            } catch is CancellationError {
                return
            } catch {
                return logger.error("DatabaseURL is not taken over, what was there before stays in use: \(error)")
            }
            guard (try? await pause(wait)) != nil else { return }
            wait = min(wait * 2, .seconds(15))
        }
    }

    /// - Returns: false where the server became ready while any site's database would have done.
    private func take(_ way: Way, after seen: SiteHistory?) throws -> Bool {
        let isTaken = try state.withLock { state in
            try Task.checkCancellation()
            guard state.seen == nil || seen != nil else { return false }
            try redirect(way)
            state.way = way
            state.switches += 1
            return true
        }
        guard isTaken else { return false }
        let shown = try DatabaseURL(way.url).description
        logger.notice("the database is reached by a new DatabaseURL", metadata: ["url": "\(shown)"])
        return true
    }
}

extension ServerSettings {
    var way: DatabaseSwitch.Way { DatabaseSwitch.Way(url: databaseURL, listenURL: listenURL) }
}
