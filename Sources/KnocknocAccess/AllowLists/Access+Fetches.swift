public import KnocknocModel
public import KnocknocProtocol
import KnocknocStore
import Logging
public import ServiceLifecycle

extension Access {
    /// Writes down who has fetched lists: at most one line a minute for each key, address and list.
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
                        ("allow_list", consumer.list.description, consumer.knocName), details)
                    statements.append(try audit(line, at: now, Self.origin(consumer.address)))
                    if consumer.refusal == nil {
                        statements.append(APIKeyTable.used(consumer.key, at: now, from: consumer.address))
                    }
                }
                try await tx.run(statements)
                return ((), Effects())
            }
        } catch {
            fetches.restore(due)
            throw error
        }
    }

    /// What an agent says of those who fetched lists from it.
    public func fetched(agent: AgentID, _ report: AgentMessage.Fetched) async throws {
        try await write(WriteOptions(durability: .hasty)) { tx in
            let now = late
            var statements: [Statement] = []
            for fetch in report.fetches.prefix(AgentMessage.Fetched.most) {
                let line = AuditLine(
                    "AllowlistRetrieved", by: .agent(agent, name: ""),
                    ("allow_list", fetch.list.description, nil),
                    ["key": fetch.key.description, "count": "\(fetch.count)"])
                statements.append(try audit(line, at: now, Self.origin(fetch.address)))
                statements.append(APIKeyTable.used(fetch.key, at: now, from: fetch.address))
            }
            try await tx.run(statements)
            return ((), Effects())
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
