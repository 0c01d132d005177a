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
        /// nil until the server is ready; another site's database is refused from then on.
        var site: SiteIdentity?
        var switches = 0
    }

    private let state: Mutex<State>
    private let requests: AsyncStream<Way>
    private let requested: AsyncStream<Way>.Continuation
    private let find: @Sendable (_ url: String) async throws -> SiteIdentity
    private let redirect: @Sendable (Way) throws -> Void
    private let pause: @Sendable (Duration) async throws -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - find: says whose the database is that a URL leads to.
    ///   - redirect: makes all connections that way from now on.
    ///   - pause: between two tries.
    init(
        _ way: Way, logger: Logger,
        find: @escaping @Sendable (_ url: String) async throws -> SiteIdentity = SiteIdentity.find,
        redirect: @escaping @Sendable (Way) throws -> Void,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        state = Mutex(State(way: way))
        (requests, requested) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.find = find
        self.redirect = redirect
        self.pause = pause
        self.logger = logger
    }

    /// How often the way has changed, for ``settle(on:since:)``.
    var switches: Int { state.withLock { $0.switches } }

    /// Notes whose database it is, unless the way there has changed since.
    func settle(on site: SiteIdentity, since switches: Int) -> Bool {
        state.withLock { state in
            guard state.switches == switches else { return false }
            state.site = site
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

    private func change(to way: Way) async {
        var wait = Duration.seconds(1)
        var told: String?
        while !Task.isCancelled {
            do {
                try take(way, try await find(way.url))
                return
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

    private func take(_ way: Way, _ site: SiteIdentity) throws {
        try state.withLock { state in
            try Task.checkCancellation()
            guard state.site == nil || state.site == site else {
                throw StoreError(.configuration, "that is another site's database, which needs a restart")
            }
            try redirect(way)
            state.way = way
            state.switches += 1
        }
        let shown = try DatabaseURL(way.url).description
        logger.notice("the database is reached by a new DatabaseURL", metadata: ["url": "\(shown)"])
    }
}

extension ServerSettings {
    var way: DatabaseSwitch.Way { DatabaseSwitch.Way(url: databaseURL, listenURL: listenURL) }
}
