/// What an agent needs to know of one target.
public struct TargetDefinition: Hashable, Sendable, Codable {
    public var id: TargetID
    public var backend: Backend
    /// False while a new or widened guard waits for an administrator's word; it reverts when its trial ends.
    public var confirmed: Bool
    /// What the agent is to do with the target itself.
    public var purpose: Purpose
    /// Seconds without a word from any server after which the agent lets nobody in; nil lets everybody stay to the end.
    public var closeAfterSeconds: Int64?

    /// - `enforce`: entries are applied.
    /// - `released`: no Knoc uses it any more; its members go, a guard's drop stays.
    /// - `unguard`: an administrator took the guard away, knowing that the port opens; members and drop go.
    public enum Purpose: String, Hashable, Sendable, Codable {
        case enforce, released, unguard
    }

    private enum CodingKeys: String, CodingKey { case id, backend, confirmed, purpose }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        id = try fields.decode(TargetID.self, forKey: .id)
        let closing = try fields.decode(ClosingBackend.self, forKey: .backend)
        backend = closing.backend
        closeAfterSeconds = closing.closeAfterSeconds
        confirmed = try fields.decode(Bool.self, forKey: .confirmed)
        purpose = try fields.decode(Purpose.self, forKey: .purpose)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(ClosingBackend(backend, closeAfterSeconds: closeAfterSeconds), forKey: .backend)
        try fields.encode(confirmed, forKey: .confirmed)
        try fields.encode(purpose, forKey: .purpose)
    }

    public init(
        id: TargetID, backend: Backend, confirmed: Bool, purpose: Purpose, closeAfterSeconds: Int64? = nil
    ) {
        self.id = id
        self.backend = backend
        self.confirmed = confirmed
        self.purpose = purpose
        self.closeAfterSeconds = closeAfterSeconds
    }
}
