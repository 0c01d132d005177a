import KnocknocSystem

/// What a primary says of itself to a machine that may copy it.
struct ReplicaOrigin: Sendable {
    var majorVersion: Int
    /// Settings of which a standby needs at least as much.
    var minimums: [String: String]

    static let names = [
        "max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions",
        "max_locks_per_transaction",
    ]

    /// - Throws: ``SystemError`` `failed` with the primary's own words and the way out.
    static func ask(_ string: ReplicationString, as cluster: LocalCluster) async throws -> ReplicaOrigin {
        // Replication commands are known in capitals only.
        let questions = ["server_version_num"] + names
        let output = try await Command.run(
            try SystemUser.prefix(for: cluster.owner) + [
                "psql", "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-d",
                string.connection([("dbname", string.database), ("replication", "true")]),
            ], input: questions.map { "SHOW \($0);\n" }.joined(),
            environment: ["PGPASSWORD": string.password, "HOME": "/"], isInterruptible: true)
        let answers = output.text.split(separator: "\n").map(String.init)
        guard output.succeeded, answers.count == questions.count, let version = Int(answers[0]) else {
            throw SystemError(
                .failed, "the primary at \(string.host) does not let us copy it: \(hint(output.complaint))")
        }
        return ReplicaOrigin(
            majorVersion: version / 10000, minimums: Dictionary(zip(names, answers.dropFirst())) { first, _ in first })
    }

    private static func hint(_ complaint: String) -> String {
        if complaint.contains("no pg_hba.conf entry") {
            return complaint
                + ". Allow this machine there, by the address that it comes from: sudo knocker replica --allow"
        }
        if complaint.contains("password authentication failed") {
            return complaint + ". The string is not the newest one: sudo knocker replica --allow HOST --renew, there"
        }
        return complaint
    }
}
