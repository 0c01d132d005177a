package import KnocknocModel

/// The statements about the audit.
package enum AuditTable {
    package struct Event: Sendable {
        package var actorKind: String
        package var actorID: String?
        package var actorName: String?
        package var action: String
        package var subjectKind: String?
        package var subjectID: String?
        package var subjectName: String?
        package var address: IPAddress?
        package var requestID: String?
        package var details: String

        package init(
            actorKind: String, actorID: String?, actorName: String?, action: String, subjectKind: String?,
            subjectID: String?, subjectName: String?, address: IPAddress?, requestID: String?, details: String
        ) {
            self.actorKind = actorKind
            self.actorID = actorID
            self.actorName = actorName
            self.action = action
            self.subjectKind = subjectKind
            self.subjectID = subjectID
            self.subjectName = subjectName
            self.address = address
            self.requestID = requestID
            self.details = details
        }
    }

    package static func insert(_ id: AuditID, at: Timestamp, node: String, _ event: Event) -> Statement {
        Statement(
            """
            insert into audit_events (id, at, node, actor_kind, actor_id, actor_name, action, subject_kind,
                subject_id, subject_name, address, request_id, details)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """, id, at, node, event.actorKind, event.actorID, event.actorName, event.action, event.subjectKind,
            event.subjectID, event.subjectName, event.address, event.requestID, event.details)
    }

    package static func newest(_ limit: Int) -> Statement {
        Statement("select id from audit_events order by id desc limit $1", limit)
    }

    /// How many of a list of ids are there.
    package static func count(_ list: String) -> String {
        "select count(*) as count from audit_events where id in (\(list))"
    }

    /// Newest first, those older than `before`.
    package static func list(before: AuditID?, limit: Int) -> Statement {
        Statement(
            """
            select id, at, node, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, subject_name,
                address, request_id, details
            from audit_events
            where id < $1
            order by id desc
            limit $2
            """, before?.description ?? "g", limit)
    }
}
