public import KnocknocModel
import KnocknocStore

extension Access {
    /// API keys in the order of their making, those after `after`.
    public func listAPIKeys(after: APIKeyID? = nil, limit: Int = 100) async throws -> [APIKeyRecord] {
        try await database.run(APIKeyTable.list(after: after, limit: limit)).map(key)
    }

    /// - Throws: ``AccessError`` not found.
    public func apiKey(_ id: APIKeyID) async throws -> APIKeyRecord { try await apiKey(id, database) }

    /// Makes a key; its secret is shown this once.
    ///
    /// - Throws: ``AccessError``: invalid, duplicate.
    public func createAPIKey(
        _ draft: APIKeyDraft, by actor: Actor, _ context: RequestContext
    ) async throws -> (key: APIKeyRecord, secret: String) {
        let (name, key) = try checkedName(draft.name, what: "an API key")
        try check(scopes: draft.scopes, networks: draft.networks)
        let secret = APIKeyCredential.prefix + Secret.new()
        let record = try await refusing("an API key", name: name) {
            try await write { tx in
                let now = try await clock(tx)
                try check(end: draft.expiresAt, at: now)
                let id: APIKeyID = new()
                let terms = Access.terms(
                    name, key, draft.scopes, draft.networks, expiresAt: draft.expiresAt, disabled: false)
                try await tx.run([
                    APIKeyTable.insert(id, terms, hash: Secret.hash(secret), now: now),
                    try audit(
                        AuditLine(
                            "api_key.create", by: actor, ("api_key", id.description, name),
                            ["scopes": terms.scopes, "networks": terms.networks]), at: now, context),
                ])
                let effects = try await handOutKeys(
                    at: now, isMore: draft.scopes.contains(.readAllowLists), tx)
                return (try await apiKey(id, tx), effects)
            }
        }
        return (record, secret)
    }

    /// Changes a key. What it may no longer do it cannot do from this commit on, and on agents once they have heard.
    ///
    /// - Throws: ``AccessError``: not found, invalid, duplicate, stale.
    public func updateAPIKey(
        _ id: APIKeyID, _ patch: APIKeyPatch, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws -> APIKeyRecord {
        let wanted = try patch.name.map { try checkedName($0, what: "an API key").name }
        return try await refusing("an API key", name: wanted ?? "") {
            try await write { tx in
                let old = try await apiKey(id, tx)
                try checkVersion(version, old.version, what: "the API key")
                let now = late
                var next = old
                next.name = wanted ?? old.name
                next.scopes = patch.scopes ?? old.scopes
                next.networks = patch.networks ?? old.networks
                next.expiresAt = patch.expiresAt.applied(to: old.expiresAt)
                next.disabled = patch.disabled ?? old.disabled
                try check(scopes: next.scopes, networks: next.networks)
                if next.expiresAt != old.expiresAt { try check(end: next.expiresAt, at: now) }
                let terms = Access.terms(
                    next.name, NameRule.key(next.name), next.scopes, next.networks, expiresAt: next.expiresAt,
                    disabled: next.disabled)
                let updated = try await tx.run(APIKeyTable.update(id, version: old.version, terms, now: now))
                guard !updated.isEmpty else { throw Access.moved("the API key") }
                let changes = Access.fields([
                    ("name", next.name != old.name), ("scopes", next.scopes != old.scopes),
                    ("networks", next.networks != old.networks), ("expires_at", next.expiresAt != old.expiresAt),
                    ("disabled", next.disabled != old.disabled),
                ])
                try await tx.run(
                    try audit(
                        AuditLine("api_key.update", by: actor, ("api_key", id.description, next.name), changes),
                        at: now, context))
                let isMore = next.opensLists(at: now) && !old.opensLists(at: now)
                let effects = try await handOutKeys(at: now, isMore: isMore, tx)
                return (try await apiKey(id, tx), effects)
            }
        }
    }

    /// - Throws: ``AccessError``: not found, stale.
    public func deleteAPIKey(
        _ id: APIKeyID, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws {
        try await write { tx in
            let old = try await apiKey(id, tx)
            try checkVersion(version, old.version, what: "the API key")
            let deleted = try await tx.run(APIKeyTable.delete(id, version: version))
            guard !deleted.isEmpty else { throw Access.moved("the API key") }
            let now = late
            try await tx.run(
                try audit(
                    AuditLine("api_key.delete", by: actor, ("api_key", id.description, old.name)), at: now, context))
            return ((), try await handOutKeys(at: now, tx))
        }
    }

    /// Ends keys that nobody has used for as long as the site allows.
    func endIdleKeys() async throws {
        guard let seconds = options.keyIdleSeconds else { return }
        try await write { tx in
            let now = late
            let ended = try await tx.run(APIKeyTable.endIdle(since: now.adding(seconds: -seconds), now: now))
            guard !ended.isEmpty else { return ((), Effects()) }
            let lines = try ended.map { row in
                try audit(
                    AuditLine(
                        "api_key.update", by: .system, ("api_key", try row.text("id"), try row.text("name")),
                        ["changed": "disabled", "reason": "unused for \(seconds / 86_400) days"]), at: now, nil)
            }
            try await tx.run(lines)
            return ((), try await handOutKeys(at: now, tx))
        }
    }

    private func check(scopes: Set<APIKeyScope>, networks: [CIDR]) throws {
        if scopes.isEmpty {
            let known = APIKeyScope.allCases.map(\.rawValue).joined(separator: ", ")
            throw AccessError(.invalid, "scopes: a key needs at least one of \(known)", field: "scopes")
        }
        if networks.isEmpty {
            throw AccessError(
                .invalid,
                "networks: say where the key is used, such as 192.0.2.10/32; 0.0.0.0/0 and ::/0 together are everywhere",
                field: "networks")
        }
        if networks.count > AllowListService.mostNetworks {
            throw AccessError(
                .invalid,
                "networks: at most \(AllowListService.mostNetworks), not \(networks.count); a wider one may hold several",
                field: "networks")
        }
    }

    private func check(end: Timestamp?, at now: Timestamp) throws {
        guard let end, end <= now else { return }
        throw AccessError(.invalid, "expires_at: \(end) is over already", field: "expires_at")
    }

    private static func terms(
        _ name: String, _ key: String, _ scopes: Set<APIKeyScope>, _ networks: [CIDR], expiresAt: Timestamp?,
        disabled: Bool
    ) -> APIKeyTable.Terms {
        var seen: Set<CIDR> = []
        return APIKeyTable.Terms(
            name: name, key: key, scopes: scopes.map(\.rawValue).sorted().joined(separator: " "),
            networks: networks.filter { seen.insert($0).inserted }.map(\.description).joined(separator: " "),
            expiresAt: expiresAt, disabled: disabled)
    }

    private func apiKey(_ id: APIKeyID, _ executor: any Executor) async throws -> APIKeyRecord {
        guard let row = try await executor.run(APIKeyTable.one(id)).first else { throw Access.none("API key", id) }
        return try key(row)
    }

    func key(_ row: Row) throws -> APIKeyRecord {
        APIKeyRecord(
            id: try row.identifier("id"), name: try row.text("name"),
            scopes: try Access.scopes(row.text("scopes")), networks: try Access.networks(row.text("networks")),
            expiresAt: try row.optional("expires_at", row.timestamp), disabled: try row.bool("disabled"),
            lastUsedAt: try row.optional("last_used_at", row.timestamp),
            lastAddress: try row.optional("last_address", row.address), version: try row.integer("version"),
            createdAt: try row.timestamp("created_at"), hash: try row.blob("secret_hash"))
    }

    /// A scope of a newer release says nothing here.
    static func scopes(_ text: String) -> Set<APIKeyScope> {
        Set(text.split(separator: " ").compactMap { APIKeyScope(rawValue: String($0)) })
    }

    static func networks(_ text: String) throws -> [CIDR] {
        try text.split(separator: " ").map { try CIDR(parsing: String($0)) }
    }
}
