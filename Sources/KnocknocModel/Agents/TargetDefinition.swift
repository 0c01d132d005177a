/// What an agent needs to know of one target.
public struct TargetDefinition: Hashable, Sendable, Codable {
    public var id: TargetID
    public var backend: Backend
    /// False while a new or widened guard waits for an administrator's word; it reverts when its trial ends.
    public var confirmed: Bool
    /// What the agent is to do with the target itself.
    public var purpose: Purpose

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
        backend = try fields.decode(ForeignBackend.self, forKey: .backend).backend
        confirmed = try fields.decode(Bool.self, forKey: .confirmed)
        purpose = try fields.decode(Purpose.self, forKey: .purpose)
    }

    public init(id: TargetID, backend: Backend, confirmed: Bool, purpose: Purpose) {
        self.id = id
        self.backend = backend
        self.confirmed = confirmed
        self.purpose = purpose
    }
}
