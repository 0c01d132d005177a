import CLibpq

/// What Postgres stores of a password. A statement that carries it can be logged without telling the password.
public enum PostgresVerifier {
    /// A fresh SCRAM-SHA-256 verifier with a random salt, made by libpq (RFC 5803).
    ///
    /// - Throws: ``StoreError`` `statement` where libpq makes none.
    public static func scram(password: String, login: String) throws(StoreError) -> String {
        // libpq wants a connection for its messages; one to port 0 is refused before any socket is made.
        guard let connection = PQconnectStart("port=0") else { throw StoreError(.statement, "out of memory") }
        defer { PQfinish(connection) }
        guard let verifier = PQencryptPasswordConn(connection, password, login, "scram-sha-256") else {
            let reason = PQerrorMessage(connection).map { String(cString: $0) } ?? "no reason given"
            throw StoreError(.statement, "a password's verifier cannot be made: \(reason)")
        }
        defer { PQfreemem(verifier) }
        return String(cString: verifier)
    }
}
