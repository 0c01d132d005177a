import KnocknocModel
import KnocknocStore

extension Access {
    /// What whoever serves a Knoc's list has to know; nil where none of the places is a list. The site's own stream is
    /// locked already, so that no key changes meanwhile.
    func service(
        of knoc: KnocID, _ specs: [EnforcementSpec], at now: Timestamp, _ tx: any Transaction
    ) async throws -> AllowListService? {
        guard specs.contains(where: { $0.backend.isAllowList }) else { return nil }
        try await tx.run(AllowListTable.insert(.random(), of: knoc, now: now))
        guard let row = try await tx.run(AllowListTable.of([knoc])).joined().first else {
            throw StoreError(.decoding, "the Knoc's list is missing")
        }
        return AllowListService(id: try row.identifier("id"), keys: try await keys(at: now, tx))
    }

    /// Tells the agents that serve lists who may fetch them now.
    ///
    /// - Parameter isMore: one more key counts than before.
    /// - Returns: those agents.
    /// - Throws: ``AccessError`` invalid where that is one too many.
    func handOutKeys(at now: Timestamp, isMore: Bool = false, _ tx: any Transaction) async throws -> Effects {
        // The lock before the look: see `enforce`.
        try await tx.run(bump([.server]))
        let keys = try await keys(at: now, tx)
        if isMore, keys.count > AllowListService.mostKeys {
            throw AccessError(
                .invalid,
                "there are \(AllowListService.mostKeys) enabled keys for lists already; disable or delete one first, or "
                    + "let several devices of one network share one")
        }
        let lists = try await tx.run(AllowListTable.targets()).compactMap {
            row -> (TargetID, AgentID, ClosingBackend)? in
            let closing = try JSON.closing(try row.text("backend"))
            return closing.backend.isAllowList
                ? (try row.identifier("id"), try row.identifier("agent_id"), closing) : nil
        }
        let agents = Set(lists.map(\.1)).subtracting([.server])
        var statements = bump(agents)
        for (id, _, old) in lists {
            guard case .allowList(let list) = old.backend else { continue }
            var closing = old
            let service = list.service.map { AllowListService(id: $0.id, keys: keys) }
            closing.backend = old.backend.served(by: service)
            statements.append(AllowListTable.serve(id, backend: try JSON.text(closing)))
        }
        try await tx.run(statements + note(agents.union([.server]), at: now))
        return Effects(agents: agents)
    }

    private func keys(at now: Timestamp, _ tx: any Transaction) async throws -> [AllowListKey] {
        try await tx.run(APIKeyTable.usable(at: now)).map(key).filter { $0.scopes.contains(.readAllowLists) }
            .map { AllowListKey(id: $0.id, hash: $0.hash, networks: $0.networks, expiresAt: $0.expiresAt) }
    }

    /// The lists of Knocs that have one.
    func allowLists(of knocs: [KnocID], _ executor: any Executor) async throws -> [KnocID: AllowListID] {
        try await executor.run(AllowListTable.of(knocs)).joined().reduce(into: [:]) { lists, row in
            lists[try row.identifier("knoc_id")] = try row.identifier("id")
        }
    }
}
