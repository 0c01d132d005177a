import CLibpq

/// Postgres' failures as ``StoreError``, and what each allows.
enum PostgresErrors {
    // Field codes of PQresultErrorField; macros with character values that Swift does not import.
    private static let sqlState = Int32(UInt8(ascii: "C"))
    private static let message = Int32(UInt8(ascii: "M"))
    private static let constraint = Int32(UInt8(ascii: "n"))

    static func error(_ result: PostgresResult, in sql: String?) -> StoreError {
        let state = result.field(sqlState)
        let reason = result.field(message) ?? "no reason given"
        // DETAIL is left out: it repeats values.
        let place = sql.map { "; in: \($0.prefix(120))" } ?? ""
        let name = result.field(constraint)
        switch state {
        case "23505":
            return StoreError(.unique, "a row like this exists already: \(reason)", sqlState: state, constraint: name)
        case "23503":
            return StoreError(
                .foreignKey, "a row that this one needs is missing, or is still needed: \(reason)", sqlState: state,
                constraint: name)
        case .some(let state) where isConnectionLevel(state) || state == "25006" || state == "53300":
            return StoreError(.unavailable, "the database cannot serve now: \(reason)", sqlState: state)
        default:
            return StoreError(
                .statement, "the database refused a statement: \(reason) (\(state ?? "no SQLSTATE"))\(place)",
                sqlState: state, constraint: name)
        }
    }

    static func lost(_ reason: String, sqlState: String? = nil) -> StoreError {
        let reason = reason.split(whereSeparator: \.isNewline).joined(separator: "; ")
        return StoreError(.unavailable, "the database connection was lost: \(reason)", sqlState: sqlState ?? "08006")
    }

    /// The whole transaction may be tried again before COMMIT was sent.
    static func isRetriable(_ error: StoreError) -> Bool {
        guard let state = error.sqlState else { return false }
        return isConnectionLevel(state) || ["25006", "40001", "40P01", "55P03", "53300"].contains(state)
    }

    /// The server forgot a prepared statement, or its result changed shape: preparing again helps, once.
    static func wantsPreparing(_ error: StoreError) -> Bool { error.sqlState == "26000" || error.sqlState == "0A000" }

    /// The primary is no longer where it was: older connections are of no use.
    static func retiresConnections(_ error: StoreError) -> Bool {
        guard let state = error.sqlState else { return false }
        return state == "25006" || state.hasPrefix("57P0")
    }

    private static func isConnectionLevel(_ state: String) -> Bool {
        state.hasPrefix("08") || state.hasPrefix("57P0")
    }
}
