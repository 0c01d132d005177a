public import KnocknocModel

/// One event of the audit.
public struct AuditRecord: Sendable, Hashable {
    public var id: AuditID
    public var at: Timestamp
    public var node: String
    /// `user`, `admin`, `agent`, `system` or `cli`.
    public var actorKind: String
    public var actorID: String?
    public var actorName: String?
    /// A verb of a thing, such as `grant.create`.
    public var action: String
    public var subjectKind: String?
    public var subjectID: String?
    public var subjectName: String?
    public var address: IPAddress?
    public var requestID: String?
    public var details: [String: String]
}
