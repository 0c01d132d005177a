/// A web node's message beside its `type`.
struct ServerEnvelope: Codable {
    var message: ServerMessage

    private enum Kind: String {
        case challenge, welcome, changes, heartbeat, ping, nodes, bye
        case snapshotBegin = "snapshot_begin"
        case snapshotChunk = "snapshot_chunk"
        case snapshotEnd = "snapshot_end"
    }

    init(message: ServerMessage) { self.message = message }

    init(from decoder: any Decoder) throws {
        switch try decoder.messageType(Kind.init(rawValue:)) {
        case .challenge: message = .challenge(try .init(from: decoder))
        case .welcome: message = .welcome(try .init(from: decoder))
        case .snapshotBegin: message = .snapshotBegin(try .init(from: decoder))
        case .snapshotChunk: message = .snapshotChunk(try .init(from: decoder))
        case .snapshotEnd: message = .snapshotEnd(try .init(from: decoder))
        case .changes: message = .changes(try .init(from: decoder))
        case .heartbeat: message = .heartbeat(try .init(from: decoder))
        case .ping: message = .ping(try .init(from: decoder))
        case .nodes: message = .nodes(try .init(from: decoder))
        case .bye: message = .bye(try .init(from: decoder))
        }
    }

    func encode(to encoder: any Encoder) throws {
        let (kind, payload): (Kind, any Encodable) =
            switch message {
            case .challenge(let payload): (.challenge, payload)
            case .welcome(let payload): (.welcome, payload)
            case .snapshotBegin(let payload): (.snapshotBegin, payload)
            case .snapshotChunk(let payload): (.snapshotChunk, payload)
            case .snapshotEnd(let payload): (.snapshotEnd, payload)
            case .changes(let payload): (.changes, payload)
            case .heartbeat(let payload): (.heartbeat, payload)
            case .ping(let payload): (.ping, payload)
            case .nodes(let payload): (.nodes, payload)
            case .bye(let payload): (.bye, payload)
            }
        try encoder.encodeMessage(type: kind.rawValue, payload)
    }
}
