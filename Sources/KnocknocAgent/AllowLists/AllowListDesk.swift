import Crypto
import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import NIOConcurrencyHelpers
import NIOCore

/// Answers for lists from what this agent knows, whether or not a server is there.
final class AllowListDesk: Sendable {
    enum Answer {
        case list(ByteBuffer, tag: String)
        /// The agent has just started and does not know yet who is on the lists.
        case notYet
        case unknownKey
        /// The key is not for this address.
        case elsewhere
        case noList
    }

    private struct Written {
        var generation: Int
        var until: BootTime?
        var body: ByteBuffer
        var tag: String
    }

    private struct Place: Hashable {
        var list: AllowListID
        var format: AllowListFormat
    }

    private struct Fetch: Hashable {
        var list: AllowListID
        var key: APIKeyID
        var address: IPAddress
    }

    /// Consumers that are told apart; the rest of a minute is not counted.
    private static let most = AgentMessage.Fetched.most

    private let board: AllowListBoard
    private let clocks: any Clocks
    private let written = NIOLockedValueBox<[Place: Written]>([:])
    private let counts = NIOLockedValueBox<[Fetch: Int]>([:])

    init(_ board: AllowListBoard, clocks: any Clocks) {
        self.board = board
        self.clocks = clocks
    }

    /// - Parameter secret: as it came.
    func answer(_ request: AllowListRequest, secret: String?, from address: IPAddress?) -> Answer {
        guard let secret else { return .unknownKey }
        let hash = Array(SHA256.hash(data: Array(secret.utf8)))
        switch board.look(at: request.list) {
        case .notYet: return .notYet
        case .noList: return board.knows(hash: hash) ? .noList : .unknownKey
        case .list(let service, let generation):
            switch service.verdict(hash: hash, from: address, at: clocks.wall()) {
            case .unknown: return .unknownKey
            case .elsewhere: return .elsewhere
            case .allowed(let key):
                if let address { count(Fetch(list: request.list, key: key, address: address)) }
                return write(request, generation)
            }
        }
    }

    private func write(_ request: AllowListRequest, _ generation: Int) -> Answer {
        let now = clocks.boot()
        let place = Place(list: request.list, format: request.format)
        if let known = written.withLockedValue({ $0[place] }), known.generation == generation,
            known.until.map({ $0 > now }) ?? true
        {
            return .list(known.body, tag: known.tag)
        }
        let content = board.content(of: request.list)
        let lines = AllowListText.lines(content.members, at: now)
        let bytes = AllowListText.bytes(of: request.list, lines, as: request.format)
        let new = Written(
            generation: content.generation, until: content.members.lazy.map(\.until).filter { $0 > now }.min(),
            body: ByteBuffer(bytes: bytes), tag: EntityTag.strong(hash: SHA256.hash(data: bytes)))
        written.withLockedValue { $0[place] = new }
        return .list(new.body, tag: new.tag)
    }

    private func count(_ fetch: Fetch) {
        counts.withLockedValue { counts in
            guard counts.count < Self.most || counts[fetch] != nil else { return }
            counts[fetch, default: 0] += 1
        }
    }

    /// What has been fetched since the last call; nil where nothing was.
    func takeCounts() -> AgentMessage.Fetched? {
        let taken = counts.withLockedValue { counts in
            defer { counts = [:] }
            return counts
        }
        guard !taken.isEmpty else { return nil }
        return AgentMessage.Fetched(
            fetches: taken.map { .init(list: $0.key.list, key: $0.key.key, address: $0.key.address, count: $0.value) })
    }
}
