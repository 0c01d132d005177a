import CLibpq
import KnocknocModel
import Logging
import Synchronization

/// Makes connections to whichever of the site's hosts takes writes, and knows which older ones are of no use any more.
final class PostgresConnector: Sendable {
    private struct Entry {
        weak var connection: PostgresConnection?
    }

    private struct Look {
        let task: Task<Void, Never>
        /// Until then its answer is new enough for others.
        let holds: ContinuousClock.Instant
    }

    private struct State {
        var targets: [PostgresTarget]
        var generation = 0
        /// The first generation by the way that is in use.
        var beginning = 0
        /// Where the newest connection landed.
        var primary: (target: PostgresTarget, server: String)?
        var open: [Entry] = []
        /// The newest history that any host was seen to write.
        var timeline: Int64 = 0
        var look: Look?
    }

    private let options: PostgresOptions
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter setting: where the DSN comes from, for messages.
    /// - Throws: ``StoreError`` `configuration`.
    init(
        dsn: String, setting: String = "DatabaseURL", options: PostgresOptions, logger: Logger
    ) throws(StoreError) {
        state = Mutex(State(targets: try PostgresTarget.parse(dsn, setting: setting)))
        self.options = options
        self.logger = logger
    }

    var targets: [PostgresTarget] { state.withLock { $0.targets } }

    var generation: Int { state.withLock { $0.generation } }

    /// Connections made so far are not handed out again.
    func retire(because reason: String, olderThan made: Int) {
        let isNew = state.withLock { state in
            guard made == state.generation else { return false }
            state.generation += 1
            return true
        }
        if isNew { logger.notice("database connections are replaced: \(reason)") }
    }

    /// Connects to these hosts from now on, and does not hand out connections made so far again.
    func redirect(to targets: [PostgresTarget]) {
        state.withLock { state in
            state.targets = targets
            state.generation += 1
            state.beginning = state.generation
            // Another cluster's timelines have nothing to do with these.
            (state.primary, state.timeline, state.look) = (nil, 0, nil)
        }
    }

    /// One connection, trying hosts again and again until `deadline`.
    ///
    /// - Throws: ``StoreError`` `unavailable` with what each host said last.
    func connect(
        until deadline: ContinuousClock.Instant, onNotification: (@Sendable (String) -> Void)? = nil,
        onClose: (@Sendable () -> Void)? = nil
    ) async throws -> PostgresConnection {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                // Read first: whoever retires meanwhile retires this one too.
                let generation = generation
                let (handle, profile) = try await connectOnce(generation)
                let landed = try land(on: handle.target, profile.server, generation)
                let connection = try PostgresConnection(
                    handle, profile, generation: landed, onNotification: onNotification, onClose: onClose)
                try connection.start()
                do { try register(connection) } catch {
                    connection.close("abandoned")
                    throw error
                }
                return connection
            } catch let error as StoreError where error.code == .unavailable {
                guard ContinuousClock.now + pause < deadline else {
                    throw StoreError(
                        .unavailable, "the database cannot be reached: \(error.message)", sqlState: error.sqlState)
                }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(500))
            }
        }
    }

    /// One plain connection for a migration.
    func connectPlainly() async throws -> PostgresHandle {
        let generation = generation
        let handle = try await connectOnce(generation).0
        try state.withLock { try Self.refuseAbandoned(generation, $0) }
        return handle
    }

    func closeAll() {
        let open = state.withLock { state in
            state.generation += 1
            defer { state.open = [] }
            return state.open
        }
        for entry in open { entry.connection?.close("closed") }
    }

    /// - Returns: the newest timeline seen so far; what was asked by a way that was left since counts for nothing.
    @discardableResult
    func note(_ timeline: Int64?, asked generation: Int) -> Int64 {
        state.withLock { state in
            if generation >= state.beginning { state.timeline = max(state.timeline, timeline ?? 0) }
            return state.timeline
        }
    }

    /// One look at all hosts for every connection of a pool that fills: who comes while it lasts waits for it too.
    ///
    /// - Parameter begin: given how long a host may take to answer.
    /// - Returns: nil where there is only one host.
    func look(_ begin: @escaping @Sendable (Duration) async -> Void) -> Task<Void, Never>? {
        guard targets.count > 1 else { return nil }
        return state.withLock { state in
            let now = ContinuousClock.now
            if let look = state.look, now < look.holds { return look.task }
            // Who knows a timeline refuses an older one by itself. Who knows none would believe the first that answers, and
            // rather waits for a host that is slow.
            let limit = state.timeline > 0 ? Duration.milliseconds(300) : min(.seconds(3), options.connectTimeout)
            let task = Task { await begin(limit) }
            state.look = Look(task: task, holds: now + max(.seconds(1), limit))
            return task
        }
    }

    /// Where a connection lands on another server than the ones before it, those are closed now: the old primary may
    /// hang for long.
    private func land(on target: PostgresTarget, _ server: String, _ generation: Int) throws -> Int {
        let (landed, left): (Int, [PostgresConnection]) = try state.withLock { state in
            try Self.refuseAbandoned(generation, state)
            let last = state.primary?.server
            state.primary = (target, server)
            guard last != server else { return (generation, []) }
            if last != nil { state.generation += 1 }
            let left = state.open.compactMap(\.connection).filter { $0.server != server }
            return (last == nil ? generation : state.generation, left)
        }
        if landed != generation { logger.notice("the primary is now \(target.name); leaving the one before") }
        for connection in left { connection.close("the primary is now \(target.name)") }
        return landed
    }

    private func register(_ connection: PostgresConnection) throws {
        try state.withLock { state in
            try Self.refuseAbandoned(connection.generation, state)
            state.open.removeAll { $0.connection == nil }
            state.open.append(Entry(connection: connection))
        }
    }

    /// One that was begun by a way that was left since leads to hosts that may not be the site's any more.
    private static func refuseAbandoned(_ generation: Int, _ state: borrowing State) throws(StoreError) {
        guard generation < state.beginning else { return }
        throw StoreError(.unavailable, "the way to the database has changed meanwhile", sqlState: "08006")
    }

    private func connectOnce(_ generation: Int) async throws -> (PostgresHandle, PostgresProfile) {
        async let looking: Void = lookAround(generation)
        let found = try await race(generation)
        await looking
        try await refuseOutdated(found.0, generation)
        return found
    }

    private func race(_ generation: Int) async throws -> (PostgresHandle, PostgresProfile) {
        let options = options
        return try await StaggeredRace.first(of: ordered(), every: .milliseconds(250)) { target in
            let limit =
                target.parameters["connect_timeout"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
                .map { Duration.seconds($0) } ?? options.connectTimeout
            let found = try await Self.connect(
                target, limit: PostgresProfile.limit(options.statementDeadline), until: .now + limit)
            try await self.refuseOutdated(found.0, generation)
            return found
        } failure: { errors in
            let reasons = errors.map { ($0 as? StoreError)?.message ?? "\($0)" }.joined(separator: "; ")
            return StoreError(.unavailable, reasons, sqlState: Self.telling(errors)?.sqlState ?? "08001")
        }
    }

    /// The host that served last comes first.
    private func ordered() -> [PostgresTarget] {
        let (targets, last) = state.withLock { ($0.targets, $0.primary?.target) }
        guard let last,
            let index = targets.firstIndex(where: { $0.host == last.host && $0.port == last.port })
        else { return targets }
        return [targets[index]] + targets[..<index] + targets[(index + 1)...]
    }

    private static func connect(
        _ target: PostgresTarget, limit: Int, until deadline: ContinuousClock.Instant
    ) async throws -> (PostgresHandle, PostgresProfile) {
        try await reach(target, until: deadline) { handle in
            let backend = PQbackendPID(handle.raw)
            return (
                handle,
                try await PostgresProfile.probe(
                    handle, backend: backend, limit: limit, until: deadline)
            )
        }
    }

    /// A connection by whichever address of the host answers first, and with which `use` works.
    static func reach<Result: Sendable>(
        _ target: PostgresTarget, until deadline: ContinuousClock.Instant,
        _ use: @escaping @Sendable (PostgresHandle) async throws -> Result
    ) async throws -> Result {
        var candidates = [target]
        if let host = target.host, target.address == nil, !target.isSocket {
            candidates = try await HostResolver.addresses(of: host, within: deadline - .now).map { address in
                var candidate = target
                candidate.address = address
                return candidate
            }
        }
        return try await StaggeredRace.first(of: candidates, every: .milliseconds(250)) { candidate in
            try await use(try await PostgresHandle.connect(candidate, until: deadline))
        } failure: { errors in
            telling(errors) ?? errors.first
                ?? StoreError(.unavailable, "\(target.name): no address", sqlState: "08001")
        }
    }

    /// What a server answered tells more than that nobody answers at another address of the same name.
    static func telling(_ errors: [any Error]) -> StoreError? {
        let all = errors.compactMap { $0 as? StoreError }
        return all.first { $0.sqlState?.hasPrefix("08") == false } ?? all.first
    }
}
