public import KnocknocStore
import Logging
public import ServiceLifecycle
import Synchronization

/// Writes down every 10 s that this node lives, and that it does not when it stops: what `migrate --finish` goes by.
public struct NodePresence: Service {
    private let access: Access
    private let node: WebNode

    public init(access: Access, node: WebNode) {
        self.access = access
        self.node = node
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            try? await access.readLiveURLs()
            while (try? await Task.sleep(for: .seconds(10))) != nil {
                do {
                    try await access.note(node)
                    try await access.readLiveURLs()
                } catch {
                    access.logger.debug("this node could not be noted", metadata: ["error": "\(error)"])
                }
            }
        }
        // Left undone it is seen to by time.
        try? await access.forget(node)
    }
}

extension Access {
    func note(_ node: WebNode) async throws {
        try await write { tx in
            try await tx.run([NodeTable.note(node, sweptAt: lastSweep.withLock { $0 })])
            return ((), Effects())
        }
    }

    /// Where agents reach the web nodes that live, as last read.
    public var agentURLs: [String] { liveURLs.withLock { $0 } }

    func readLiveURLs() async throws {
        let urls = try await database.run(NodeTable.agentURLs()).map { try $0.text("agent_url") }
        liveURLs.withLock { $0 = urls }
    }

    func forget(_ node: WebNode) async throws {
        try await write { tx in
            try await tx.run([NodeTable.forget(node)])
            return ((), Effects())
        }
    }
}
