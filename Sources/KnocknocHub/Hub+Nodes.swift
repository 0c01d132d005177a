import KnocknocProtocol
import Synchronization

extension Hub {
    /// What agents are told of where else to dial.
    var nodes: ServerMessage.Nodes { told.withLock { $0 } }

    /// Tells every agent where that has changed.
    func tellNodes(_ links: [Link]) {
        let nodes = ServerMessage.Nodes(endpoints: directory.endpoints(), spread: Self.spread(links: links.count))
        let isNews = told.withLock { told in
            defer { told = nodes }
            return told != nodes
        }
        guard isNews else { return }
        for link in links { link.put(.nodes(nodes)) }
    }

    /// Milliseconds that so many agents take to come back one after the other, a millisecond each: rounded to powers
    /// of two, so that they are not told at every coming and going, and short enough that all are back in 30 s.
    static func spread(links: Int) -> Int64 {
        guard links > 256 else { return 0 }
        var spread: Int64 = 256
        while spread < links, spread < 16_384 { spread *= 2 }
        return spread
    }
}
