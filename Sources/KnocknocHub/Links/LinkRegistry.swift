import KnocknocModel
import Synchronization

/// The links of this node, one for each agent.
final class LinkRegistry: Sendable {
    private let links = Mutex<[AgentID: Link]>([:])

    /// - Returns: the link that this one replaces, or the one already there that is newer and stays.
    func add(_ link: Link) -> Link? {
        links.withLock { links in
            let old = links[link.agent]
            if let old, old.epoch > link.epoch { return link }
            links[link.agent] = link
            return old
        }
    }

    func remove(_ link: Link) {
        links.withLock { links in
            if links[link.agent] === link { links[link.agent] = nil }
        }
    }

    subscript(agent: AgentID) -> Link? { links.withLock { $0[agent] } }

    var all: [Link] { links.withLock { Array($0.values) } }
}
