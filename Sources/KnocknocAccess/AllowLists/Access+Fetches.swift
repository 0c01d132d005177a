public import KnocknocModel
public import KnocknocProtocol
import KnocknocStore
import Logging
public import ServiceLifecycle

extension Access {
    /// Writes down who has fetched lists: at most one line a minute for each key, address and list, and one for those
    /// of a key that are too many to be told apart.
    ///
    /// - Parameter all: what would have to wait, too.
    public func noteFetches(all: Bool = false) async throws {
        let due = fetches.due(at: late, all: all)
        guard !due.isEmpty else { return }
        do {
            try await write(WriteOptions(durability: .hasty)) { tx in
                let now = late
                var statements: [Statement] = []
                for (consumer, count) in due.sorted(by: { $0.key.key < $1.key.key }) {
                    var details = [
                        "key": consumer.key.description, "key_name": consumer.keyName, "count": "\(count)",
                        "format": consumer.format.rawValue,
                    ]
                    details["reason"] = consumer.refusal
                    let line = AuditLine(
                        consumer.refusal == nil ? "AllowlistRetrieved" : "AllowlistRefused", by: .system,
                        ("allow_list", consumer.list?.description, consumer.knocName), details)
                    statements.append(try audit(line, at: now, consumer.address.map(Self.origin)))
                    if consumer.refusal == nil, let address = consumer.address {
                        statements.append(APIKeyTable.used(consumer.key, at: now, from: address))
                    }
                }
                try await tx.run(statements)
                return ((), Effects())
            }
            for (consumer, count) in due where consumer.address == nil {
                logger.warning(
                    "a key is used from more addresses, or for more lists, than the audit tells apart",
                    metadata: ["key": "\(consumer.key)", "n": "\(count)", "refused": "\(consumer.refusal != nil)"])
            }
        } catch {
            fetches.restore(due)
            throw error
        }
    }

    /// What an agent says of those who fetched lists from it. Only its own lists count, and keys for lists; whatever
    /// else it says is left out before anything is locked.
    public func fetched(agent: AgentID, _ report: AgentMessage.Fetched) async throws {
        var told = AgentMessage.Fetched(fetches: [])
        told.add(report)
        guard !told.fetches.isEmpty else { return }
        let lists = try await lists(servedBy: agent)
        let keys = try await listKeys(Set(told.fetches.map(\.key)))
        let fetches = told.fetches.filter { lists[$0.list] != nil && keys[$0.key] != nil }
        if fetches.count < told.fetches.count {
            logger.info(
                "an agent speaks of lists that it does not serve, or of keys that are for no list",
                metadata: ["agent": "\(agent)", "n": "\(told.fetches.count - fetches.count)"])
        }
        guard !fetches.isEmpty else { return }
        try await write(WriteOptions(durability: .hasty)) { tx in
            let now = late
            let statements = try fetches.flatMap { fetch in
                try note(fetch, by: agent, at: now, key: keys[fetch.key], knoc: lists[fetch.list])
            }
            try await tx.run(statements)
            return ((), Effects())
        }
    }

    private func note(
        _ fetch: AgentMessage.Fetched.Fetch, by agent: AgentID, at now: Timestamp, key: String?, knoc: String?
    ) throws -> [Statement] {
        var details = ["key": fetch.key.description, "count": "\(fetch.count)"]
        details["key_name"] = key
        let line = AuditLine(
            "AllowlistRetrieved", by: .agent(agent, name: ""), ("allow_list", fetch.list.description, knoc), details)
        return [
            try audit(line, at: now, Self.origin(fetch.address)),
            APIKeyTable.used(fetch.key, at: now, from: fetch.address),
        ]
    }

    /// The lists that an agent has been told to serve, and the names of their Knocs.
    private func lists(servedBy agent: AgentID) async throws -> [AllowListID: String] {
        let rows = try await database.run(AllowListTable.served(by: agent))
        return try rows.reduce(into: [:]) { lists, row in
            let closing = try JSON.closing(try row.text("backend"))
            guard case .allowList(let list) = closing.backend, let service = list.service else { return }
            lists[service.id] = try row.text("knoc_name")
        }
    }

    /// Those of the keys that are for lists, and their names. One that was disabled just now is among them.
    private func listKeys(_ ids: Set<APIKeyID>) async throws -> [APIKeyID: String] {
        let rows = try await database.run(APIKeyTable.some(ids.sorted())).joined()
        return try rows.map(key).filter { $0.scopes.contains(.readAllowLists) }.reduce(into: [:]) {
            $0[$1.id] = $1.name
        }
    }

    private static func origin(_ address: IPAddress) -> RequestContext {
        RequestContext(client: .address(address), requestID: "")
    }
}

/// Writes down every second who has fetched lists, where that is due, and at the end whatever is left.
public struct FetchRecorder: Service {
    private let access: Access

    public init(access: Access) { self.access = access }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var isFailing = false
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                do {
                    try await access.noteFetches()
                    isFailing = false
                } catch {
                    if !isFailing {
                        access.logger.warning(
                            "who fetches lists cannot be written down; it is tried again",
                            metadata: ["error": "\(error)"])
                    }
                    isFailing = true
                }
            }
        }
        try? await access.noteFetches(all: true)
    }
}
