import CLibpq
import Dispatch
import KnocknocModel
import NIOConcurrencyHelpers

/// A libpq connection in pipeline mode: many callers' statements are in flight at once, each caller's followed by a
/// sync of its own, so that one failing does not touch the others.
final class PostgresConnection: ReactorClient, @unchecked Sendable {  // every mutable field is guarded by `lock`
    let target: PostgresTarget
    let isPooled: Bool
    let server: String
    /// Connections of an older generation than the connector's are of no use.
    let generation: Int
    private let handle: PostgresHandle
    private let onNotification: (@Sendable (String) -> Void)?
    private let onClose: (@Sendable () -> Void)?
    private let lock = NIOLock()

    private var token: UInt64?
    private var failure: StoreError?
    private var closesWhenIdle = false
    private var waitsForWrite = false
    private var inFlight: [PostgresRequest] = []
    private var prepared: [PreparedStatement.Key: PreparedStatement] = [:]
    private var preparedCount = 0
    /// Statements beyond this are sent unprepared.
    private static let preparedLimit = 1000

    init(
        _ handle: PostgresHandle, _ profile: PostgresProfile, generation: Int,
        onNotification: (@Sendable (String) -> Void)? = nil, onClose: (@Sendable () -> Void)? = nil
    ) throws(StoreError) {
        self.handle = handle
        self.generation = generation
        self.onNotification = onNotification
        self.onClose = onClose
        target = handle.target
        isPooled = profile.isPooled
        server = profile.server
        preamble = profile.isPooled ? [profile.preamble] : []
        guard PQenterPipelineMode(handle.raw) == 1 else { throw PostgresErrors.lost(handle.lastError) }
    }

    /// Begins to watch the socket; once, before the first request.
    func start() throws(StoreError) {
        let token = try Reactor.shared.add(self, handle.socket, .read)
        lock.withLock { self.token = token }
    }

    /// What a transaction begins with; nothing where the session is ours and set up already.
    let preamble: [Statement]

    var isUsable: Bool { lock.withLock { failure == nil && !closesWhenIdle } }

    /// Runs the statements in one round trip; after one that fails the rest is skipped.
    func run(
        _ statements: [Statement], until deadline: ContinuousClock.Instant
    ) async throws -> PostgresRequest.Outcome {
        try await withCheckedThrowingContinuation { continuation in
            submit(PostgresRequest(statements, deadline: deadline, continuation))
        }
    }

    func submit(_ request: PostgresRequest) {
        let failed: [PostgresRequest] = lock.withLock {
            if let failure {
                request.failure = failure
                return [request]
            }
            inFlight.append(request)
            for statement in request.statements where !send(statement, for: request) {
                return lose(handle.lastError)
            }
            guard PQpipelineSync(handle.raw) == 1, flush() else { return lose(handle.lastError) }
            return []
        }
        for request in failed { request.complete() }
        if !failed.isEmpty { onClose?() }
    }

    /// Lets what is in flight finish, then closes.
    func closeWhenIdle() {
        lock.withLock { closesWhenIdle = true }
        closeIfIdle()
    }

    /// Closes now; what is in flight fails.
    func close(_ reason: String) {
        let failed = lock.withLock { lose(reason) }
        for request in failed { request.complete() }
        onClose?()
    }

    func ready(canWrite: Bool) {
        var done: [PostgresRequest] = []
        var notifications: [String] = []
        let isLost = lock.withLock {
            guard failure == nil else { return false }
            guard PQconsumeInput(handle.raw) == 1, flush() else {
                done = receive(&notifications) + lose(handle.lastError)
                return true
            }
            done = receive(&notifications)
            guard PQstatus(handle.raw) == CONNECTION_OK else {
                done += lose(handle.lastError)
                return true
            }
            return false
        }
        for request in done { request.complete() }
        for payload in notifications { onNotification?(payload) }
        if isLost { onClose?() } else { closeIfIdle() }
    }

    func tick(_ now: ContinuousClock.Instant) {
        let isOverdue = lock.withLock { failure == nil && (inFlight.first.map { now >= $0.deadline } ?? false) }
        guard isOverdue else { return }
        cancel()
        close("a statement was not answered in time")
    }

    private func closeIfIdle() {
        let isDone = lock.withLock { closesWhenIdle && failure == nil && inFlight.isEmpty }
        if isDone { close("retired") }
    }

    /// Asks the server to stop what it does for us; connects anew, so on a thread that may block.
    private func cancel() {
        struct Request: @unchecked Sendable {  // used by one thread only
            let raw: OpaquePointer
        }
        guard let raw = lock.withLock({ failure == nil ? PQgetCancel(handle.raw) : nil }) else { return }
        let request = Request(raw: raw)
        DispatchQueue.global().async {
            var buffer = [CChar](repeating: 0, count: 256)
            PQcancel(request.raw, &buffer, Int32(buffer.count))
            PQfreeCancel(request.raw)
        }
    }

    // MARK: - Under the lock

    private func flush() -> Bool {
        let state = PQflush(handle.raw)
        let waits = state == 1
        if waits != waitsForWrite, let token {
            waitsForWrite = waits
            Reactor.shared.change(token, handle.socket, waits ? .readAndWrite : .read)
        }
        return state >= 0
    }

    private func send(_ statement: Statement, for request: PostgresRequest) -> Bool {
        let count = Int32(statement.parameters.count)
        return ParameterBuffer.with(statement.parameters) { arrays in
            guard let (known, isNew) = entry(for: statement) else {
                request.steps.append(.execute(nil))
                return PQsendQueryParams(
                    handle.raw, statement.sql, count, arrays.types, arrays.values, arrays.lengths, arrays.formats, 1)
                    == 1
            }
            if isNew {
                request.steps.append(.prepare(known))
                guard PQsendPrepare(handle.raw, known.name, statement.sql, count, arrays.types) == 1 else {
                    return false
                }
            }
            request.steps.append(.execute(known))
            return PQsendQueryPrepared(
                handle.raw, known.name, count, arrays.values, arrays.lengths, arrays.formats, 1) == 1
        }
    }

    private func entry(for statement: Statement) -> (PreparedStatement, isNew: Bool)? {
        guard !isPooled, let signature = ParameterBuffer.signature(statement.parameters) else { return nil }
        let key = PreparedStatement.Key(sql: statement.sql, signature: signature)
        if let known = prepared[key] { return (known, false) }
        guard prepared.count < Self.preparedLimit else { return nil }
        preparedCount += 1
        let made = PreparedStatement(key: key, name: "s\(preparedCount)")
        prepared[key] = made
        return (made, true)
    }

    private func forget(_ statement: PreparedStatement) {
        if prepared[statement.key] === statement { prepared[statement.key] = nil }
    }

    /// Takes what has arrived; returns the requests that are complete.
    private func receive(_ notifications: inout [String]) -> [PostgresRequest] {
        var done = 0
        while done < inFlight.count, PQisBusy(handle.raw) == 0 {
            let request = inFlight[done]
            guard let raw = PQgetResult(handle.raw) else {
                if PQstatus(handle.raw) != CONNECTION_OK || request.step >= request.steps.count { break }
                if case .execute = request.steps[request.step] { request.statement += 1 }
                request.step += 1
                continue
            }
            let result = PostgresResult(raw)
            if result.status == PGRES_PIPELINE_SYNC {
                request.wasSyncWaitCancelled = handle.notices.takeSyncWaitCancelled()
                done += 1
            } else if request.step < request.steps.count {
                take(result, request)
            } else {
                break
            }
        }
        while let notification = PQnotifies(handle.raw) {
            notifications.append(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        defer { inFlight.removeFirst(done) }
        return Array(inFlight.prefix(done))
    }

    private func take(_ result: PostgresResult, _ request: PostgresRequest) {
        let step = request.steps[request.step]
        switch (result.status, step) {
        case (PGRES_TUPLES_OK, .execute(let prepared)), (PGRES_COMMAND_OK, .execute(let prepared)):
            request.replies.append(PostgresRequest.Reply(result: result, prepared: prepared))
        case (PGRES_COMMAND_OK, .prepare): break
        case (PGRES_PIPELINE_ABORTED, .prepare(let statement)): forget(statement)
        case (PGRES_PIPELINE_ABORTED, .execute): break
        default:
            let error = PostgresErrors.error(result, in: request.statements[request.statement].sql)
            request.failure = request.failure ?? error
            switch step {
            case .prepare(let statement): forget(statement)
            case .execute(let statement): if let statement, PostgresErrors.wantsPreparing(error) { forget(statement) }
            }
        }
    }

    /// Gives the connection up; returns the requests that were in flight, failed.
    private func lose(_ reason: String) -> [PostgresRequest] {
        guard failure == nil else { return [] }
        let state = inFlight.lazy.compactMap { $0.failure?.sqlState }.first { $0.hasPrefix("57P0") }
        let error = PostgresErrors.lost("\(target.name): \(reason)", sqlState: state)
        failure = error
        if let token { Reactor.shared.remove(token, handle.socket) }
        token = nil
        handle.finish()
        let failed = inFlight
        inFlight = []
        for request in failed { request.failure = error }
        return failed
    }
}
