import KnocknocModel
import KnocknocStore

extension Access {
    /// A user's live session and its Knocs, in one statement; nil where there is no such session.
    public func portal(token: String) async throws -> (session: Session, knocs: [KnocItem])? {
        let hash = Secret.hash(token)
        let read = try await database.run([PortalQuery.portal(token: hash), AddressTable.live(token: hash)])
        let rows = read[0]
        guard let row = rows.first, let session = try session(row, token: token, addresses: read[1]) else {
            return nil
        }
        return (session, try items(try rows.filter { try !$0.isNull("knoc_id") }))
    }

    /// What this session's user may have, with its state.
    public func knocs(of session: Session) async throws -> [KnocItem] {
        try items(try await database.run(PortalQuery.knocs(of: session.id)))
    }

    func item(_ knoc: KnocID, of session: Session, _ executor: any Executor) async throws -> KnocItem {
        let rows = try await executor.run(PortalQuery.knoc(knoc, of: session.id))
        guard let item = try items(rows).first else { throw Access.noKnoc(knoc) }
        return item
    }

    static func noKnoc(_ id: KnocID) -> AccessError { AccessError(.notFound, "there is no Knoc \(id) for you") }
}
