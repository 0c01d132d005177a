import CLibpq
import KnocknocModel
import Synchronization

/// One libpq connection outside pipeline mode: being made, probed, or running a migration. Used by one task at a time.
final class PostgresHandle: @unchecked Sendable {  // one owner at a time; the flag below has a lock of its own
    let raw: OpaquePointer
    let target: PostgresTarget
    let notices = NoticeBox()
    private let isFinished = Mutex(false)

    private init(_ raw: OpaquePointer, _ target: PostgresTarget) {
        self.raw = raw
        self.target = target
        PQsetNoticeReceiver(
            raw,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<NoticeBox>.fromOpaque(context).takeUnretainedValue().take(result)
            }, Unmanaged.passUnretained(notices).toOpaque())
    }

    deinit { finish() }

    var socket: Int32 { PQsocket(raw) }

    var lastError: String {
        PQerrorMessage(raw).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "no reason given"
    }

    func finish() {
        let isFirst = isFinished.withLock { finished in
            defer { finished = true }
            return !finished
        }
        if isFirst { PQfinish(raw) }
    }

    static func connect(
        _ target: PostgresTarget, until deadline: ContinuousClock.Instant
    ) async throws -> PostgresHandle {
        guard let raw = start(target.keywords) else { throw StoreError(.unavailable, "\(target.name): out of memory") }
        let handle = PostgresHandle(raw, target)
        func failure(_ reason: String) -> StoreError {
            let refusal = PostgresRefusal(reason)
            return StoreError(
                .unavailable, "\(target.name): \(refusal.reason)", sqlState: refusal.sqlState ?? "08001")
        }
        guard PQstatus(raw) != CONNECTION_BAD else { throw failure(handle.lastError) }
        // Words are in the server's language: only so do they come with SQLSTATE.
        PQsetErrorVerbosity(raw, PQERRORS_VERBOSE)
        var interest = Reactor.Interest.write
        while true {
            do { try await ReadinessWaiter.wait(for: handle.socket, interest, until: deadline) } catch let error
                as StoreError
            {
                throw failure(error.message)
            }
            // The socket may be another one after each call.
            switch PQconnectPoll(raw) {
            case PGRES_POLLING_READING: interest = .read
            case PGRES_POLLING_WRITING: interest = .write
            case PGRES_POLLING_OK:
                PQsetnonblocking(raw, 1)
                PQsetErrorVerbosity(raw, PQERRORS_DEFAULT)
                return handle
            default: throw failure(handle.lastError)
            }
        }
    }

    private static func start(_ pairs: [(String, String)]) -> OpaquePointer? {
        // One buffer of zero-terminated strings that outlives the call.
        var bytes: [CChar] = []
        var offsets: [(Int, Int)] = []
        for (keyword, value) in pairs {
            let start = bytes.count
            bytes += keyword.utf8CString
            offsets.append((start, bytes.count))
            bytes += value.utf8CString
        }
        return bytes.withUnsafeBufferPointer { buffer in
            let base = buffer.baseAddress
            let keywords = offsets.map { base?.advanced(by: $0.0) } + [nil]
            let values = offsets.map { base?.advanced(by: $0.1) } + [nil]
            return PQconnectStartParams(keywords, values, 0)
        }
    }

    /// Runs SQL of any number of statements in the simple protocol; the rows are those of the last one that has any.
    func execute(_ sql: String, until deadline: ContinuousClock.Instant) async throws -> [Row] {
        guard PQsendQuery(raw, sql) == 1 else { throw PostgresErrors.lost(lastError) }
        return try await results(of: sql, until: deadline)
    }

    func execute(_ statement: Statement, until deadline: ContinuousClock.Instant) async throws -> [Row] {
        let sent = ParameterBuffer.with(statement.parameters) { arrays in
            PQsendQueryParams(
                raw, statement.sql, Int32(statement.parameters.count), arrays.types, arrays.values, arrays.lengths,
                arrays.formats, 1)
        }
        guard sent == 1 else { throw PostgresErrors.lost(lastError) }
        return try await results(of: statement.sql, until: deadline)
    }

    private func results(of sql: String, until deadline: ContinuousClock.Instant) async throws -> [Row] {
        while PQflush(raw) == 1 { try await ReadinessWaiter.wait(for: socket, .readAndWrite, until: deadline) }
        var rows: [Row] = []
        var failure: StoreError?
        while true {
            while PQisBusy(raw) == 1 {
                try await ReadinessWaiter.wait(for: socket, .read, until: deadline)
                guard PQconsumeInput(raw) == 1 else { throw PostgresErrors.lost(lastError) }
            }
            guard let next = PQgetResult(raw) else { break }
            let result = PostgresResult(next)
            switch result.status {
            case PGRES_TUPLES_OK: rows = try result.rows(result.columns)
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
            default: failure = failure ?? PostgresErrors.error(result, in: sql)
            }
        }
        guard PQstatus(raw) == CONNECTION_OK else { throw PostgresErrors.lost(lastError, sqlState: failure?.sqlState) }
        if let failure { throw failure }
        return rows
    }
}
