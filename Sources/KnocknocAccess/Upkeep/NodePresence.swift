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
            while (try? await Task.sleep(for: .seconds(10))) != nil {
                do {
                    try await access.note(node)
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

    func forget(_ node: WebNode) async throws {
        try await write { tx in
            try await tx.run([NodeTable.forget(node)])
            return ((), Effects())
        }
    }
}
