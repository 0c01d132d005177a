// The things that have identifiers. Each name is a namespace for its identifier's type only.

public enum UserSubject {}
public enum AdminSubject {}
public enum GroupSubject {}
public enum KnocSubject {}
public enum SessionSubject {}
public enum GrantSubject {}
public enum EntrySubject {}
public enum TargetSubject {}
public enum AgentSubject {}
public enum AuditSubject {}
public enum OperationSubject {}
public enum PingSubject {}
public enum APIKeySubject {}
public enum AllowListSubject {}

public typealias UserID = Identifier<UserSubject>
public typealias AdminID = Identifier<AdminSubject>
public typealias GroupID = Identifier<GroupSubject>
public typealias KnocID = Identifier<KnocSubject>
public typealias SessionID = Identifier<SessionSubject>
public typealias GrantID = Identifier<GrantSubject>
public typealias EntryID = Identifier<EntrySubject>
public typealias TargetID = Identifier<TargetSubject>
public typealias AgentID = Identifier<AgentSubject>
public typealias AuditID = Identifier<AuditSubject>
/// One write, known before it is first tried, so that an unknown outcome can be looked up.
public typealias OperationID = Identifier<OperationSubject>
public typealias PingID = Identifier<PingSubject>
public typealias APIKeyID = Identifier<APIKeySubject>
/// Part of the address that a list is fetched from, and random: see ``Identifier/random()``.
public typealias AllowListID = Identifier<AllowListSubject>
