/// An agent's message beside its `type`.
struct AgentEnvelope: Codable {
    var message: AgentMessage

    private enum Kind: String { case hello, heartbeat, applied, trial, pong, fetched }

    init(message: AgentMessage) { self.message = message }

    init(from decoder: any Decoder) throws {
        switch try decoder.messageType(Kind.init(rawValue:)) {
        case .hello: message = .hello(try .init(from: decoder))
        case .heartbeat: message = .heartbeat(try .init(from: decoder))
        case .applied: message = .applied(try .init(from: decoder))
        case .trial: message = .trial(try .init(from: decoder))
        case .pong: message = .pong(try .init(from: decoder))
        case .fetched: message = .fetched(try .init(from: decoder))
        }
    }

    func encode(to encoder: any Encoder) throws {
        let (kind, payload): (Kind, any Encodable) =
            switch message {
            case .hello(let payload): (.hello, payload)
            case .heartbeat(let payload): (.heartbeat, payload)
            case .applied(let payload): (.applied, payload)
            case .trial(let payload): (.trial, payload)
            case .pong(let payload): (.pong, payload)
            case .fetched(let payload): (.fetched, payload)
            }
        try encoder.encodeMessage(type: kind.rawValue, payload)
    }
}
