public import KnocknocModel
import KnocknocStore

/// What becomes of a request for a list.
public enum AllowListAnswer: Sendable {
    case list(AllowListDocument)
    /// No such key, or one that is over.
    case unknownKey
    /// The key is good, and not for this; the reason is for whoever has it.
    case refused(String)
    case noList
}

/// What a device's request for a list is checked by.
struct AllowListCheck: Hashable {
    var list: AllowListID
    /// SHA-256 of the secret.
    var hash: [UInt8]
}

extension Access {
    /// A list for whoever has a key, as it is in the store at this moment.
    ///
    /// - Parameters:
    ///   - secret: as it came.
    ///   - format: for the audit.
    ///   - address: where it is fetched from; nil where that cannot be told.
    ///   - peer: the other end of the connection, for the audit where there is no address.
    public func allowList(
        _ list: AllowListID, secret: String, as format: AllowListFormat, from address: IPAddress?,
        peer: IPAddress? = nil
    ) async throws -> AllowListAnswer {
        let hash = Secret.hash(secret)
        let check = AllowListCheck(list: list, hash: hash)
        let found = try await allowListChecks.value(of: check) { [database] in
            try await database.run(AllowListTable.fetch(list, key: hash)).first
        }
        guard let row = found,
            try row.blob("secret_hash").isSame(as: hash)
        else { return .unknownKey }
        let now = try row.now(self)
        let ends = try row.optional("expires_at", row.timestamp)
        let isOver = try row.bool("disabled") || ends.map { $0 <= now } ?? false
        let refusal = try isOver ? "the key is over" : refusal(row, address)
        let knoc: KnocID? = try row.identifierIfPresent("knoc_id")
        if let address = address ?? peer, knoc != nil || refusal != nil {
            fetches.note(
                FetchLog.Consumer(
                    key: try row.identifier("key_id"), keyName: try row.text("key_name"), address: address,
                    list: knoc == nil ? nil : list,
                    knocName: try row.optional("knoc_name", row.text), refusal: refusal, format: format))
        }
        if isOver { return .unknownKey }
        if let refusal { return .refused(refusal) }
        guard let knoc else { return .noList }
        let document = try await allowLists.document(list, change: try row.text("change_id"), at: now) { [database] in
            let rows = try await database.run(AllowListTable.members(of: knoc, after: now))
            return AllowListDocument(
                list,
                try rows.map { row in
                    let prefix = try row.optional("ipv6_prefix", row.integer).map { Int($0) }
                    return (CIDR(try row.address("address"), ipv6Prefix: prefix), try row.timestamp("expires_at"))
                }, at: now)
        }
        return .list(document)
    }

    private func refusal(_ row: Row, _ address: IPAddress?) throws -> String? {
        guard Access.scopes(try row.text("scopes")).contains(.readAllowLists) else {
            return "the key has not the scope \(APIKeyScope.readAllowLists.rawValue)"
        }
        let networks = try Access.networks(row.text("networks"))
        guard let address else {
            let isForAll = Set(networks.filter { $0.length == 0 }.map(\.address.family)).count == 2
            return isForAll
                ? nil : "this server cannot tell where you come from, and the key is not for everybody"
        }
        guard networks.contains(where: { $0.contains(address) }) else {
            return "the key is not for \(address)"
        }
        return nil
    }
}
