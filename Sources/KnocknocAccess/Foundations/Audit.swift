import KnocknocModel
import KnocknocStore

/// One line of the audit before it has an id and a time.
struct AuditLine: Sendable {
    var actor: Actor
    var action: String
    var subject: (kind: String, id: String?, name: String?)?
    var details: [String: String] = [:]

    init(
        _ action: String, by actor: Actor, _ subject: (kind: String, id: String?, name: String?)? = nil,
        _ details: [String: String] = [:]
    ) {
        self.actor = actor
        self.action = action
        self.subject = subject
        self.details = details
    }
}

extension Access {
    /// The insert for a line; part of the transaction of what it tells of.
    func audit(
        _ line: AuditLine, at now: Timestamp, _ context: RequestContext?, from address: IPAddress? = nil
    ) throws -> Statement {
        let (kind, id, name) = line.actor.columns
        let event = AuditTable.Event(
            actorKind: kind, actorID: id, actorName: name, action: line.action, subjectKind: line.subject?.kind,
            subjectID: line.subject?.id, subjectName: line.subject?.name, address: context?.client.known ?? address,
            requestID: context?.requestID, details: try JSON.text(line.details))
        return AuditTable.insert(new(AuditID.self), at: now, node: node, event)
    }
}

extension Actor {
    fileprivate var columns: (kind: String, id: String?, name: String?) {
        switch self {
        case .user(let id, let name): ("user", id.description, name)
        case .admin(let id, let name): ("admin", id.description, name)
        case .agent(let id, let name): ("agent", id.description, name)
        case .system: ("system", nil, nil)
        case .cli: ("cli", nil, nil)
        }
    }
}
