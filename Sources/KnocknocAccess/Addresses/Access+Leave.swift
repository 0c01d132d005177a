import KnocknocModel
import KnocknocStore

extension Access {
    /// Ends what is open for addresses that nobody has come from any more.
    ///
    /// - Returns: how many have left.
    @discardableResult
    public func leaveAddresses(limit: Int = 100) async throws -> Int {
        let due = try await database.run(AddressTable.due(at: late, limit: limit))
        for row in due {
            let session: SessionID = try row.identifier("session_id")
            try await leave(try row.address("address"), of: session)
        }
        return due.count
    }

    private func leave(_ address: IPAddress, of session: SessionID) async throws {
        try await write { tx in
            let now = late
            let read = try await tx.run([
                SessionTable.lock(session), AddressTable.leave(address, of: session, at: now, due: now),
            ])
            // Another node was faster, or it has been seen; what is open in a session that is over ended with it.
            guard !read[0].isEmpty, !read[1].isEmpty else { return ((), Effects()) }
            let ending = try await end(.address(session, address), reason: "address_left", at: now, tx)
            let line = Access.leaving(address, of: session, "unseen", by: .system)
            return (
                (), try await settle(ending, at: now, by: .system, nil, extra: [line], tx, isLast: true)
            )
        }
    }

    static func leaving(
        _ address: IPAddress, of session: SessionID, _ reason: String, by actor: Actor
    ) -> AuditLine {
        AuditLine(
            "session.leave", by: actor, ("session", session.description, nil),
            ["address": address.description, "reason": reason])
    }
}
