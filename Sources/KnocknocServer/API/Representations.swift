import FoundationEssentials
import KnocknocAccess
import KnocknocModel

// The API's JSON of every record, in one place: scripts depend on it.

extension KnocItem {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("name", .text(name)), ("url", JSON(url)), ("grant_on", .text(grantOn.rawValue)),
            ("state", .text(state.rawValue)), ("expires_at", JSON(expiresAt)), ("reason", JSON(reason)),
        ])
    }
}

extension UserRecord {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("username", .text(name)), ("display_name", JSON(displayName)), ("email", JSON(email)),
            ("group_ids", JSON(groupIDs)), ("session_seconds", JSON(sessionSeconds)), ("disabled", .bool(disabled)),
            ("version", .integer(version)), ("created_at", JSON(createdAt)),
        ])
    }
}

extension GroupRecord {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("name", .text(name)), ("kind", .text(kind.rawValue)), ("claim", JSON(claim)),
            ("user_count", .integer(userCount)), ("knoc_count", .integer(knocCount)), ("version", .integer(version)),
            ("created_at", JSON(createdAt)),
        ])
    }
}

extension KnocRecord {
    var json: JSON {
        let enforcement = enforcement.map { spec in
            let place: (String, JSON) =
                switch spec.place {
                case .agent(let id): ("agent_id", JSON(id.ofAgent))
                case .zone(let name): ("zone", .text(name))
                }
            return JSON.object([place, ("backend", spec.backend.json)])
        }
        return .object([
            ("id", JSON(id)), ("name", .text(name)), ("url", JSON(url)), ("group_ids", JSON(groupIDs)),
            ("grant_on", .text(grantOn.rawValue)), ("duration_seconds", JSON(durationSeconds)),
            ("open_when", .text(openWhen.rawValue)), ("enforcement", .list(enforcement)),
            ("zones", .list(zones.map { .text($0) })), ("placement", .text(placement.rawValue)),
            ("close_after_seconds", JSON(closeAfterSeconds)),
            ("disabled", .bool(disabled)), ("targets", .list(targets.map(\.json))),
            ("allow_list_id", JSON(allowList)), ("version", .integer(version)), ("created_at", JSON(createdAt)),
        ])
    }
}

extension AgentID {
    /// nil for the site itself.
    var ofAgent: AgentID? { self == .server ? nil : self }
}

extension TargetStatus {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("agent_id", JSON(agentID.ofAgent)), ("agent_name", .text(agentName)),
            ("backend", backend.json), ("purpose", .text(purpose.rawValue)), ("confirmed", .bool(confirmed)),
            ("outcome", .text(outcome.rawValue)), ("reason", JSON(reason)), ("placed", .bool(isPlaced)),
        ])
    }
}

extension Backend {
    var json: JSON {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        guard let data = try? encoder.encode(self) else { return .null }
        return .written(String(decoding: data, as: UTF8.self))
    }
}

extension AgentRecord {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("name", .text(name)), ("zone", JSON(zone)), ("told_zone", JSON(toldZone)),
            ("edge", .bool(isEdge)), ("disabled", .bool(disabled)),
            ("embedded", .bool(embedded)), ("declared_by", JSON(declaredBy)), ("status", .text(status.rawValue)),
            ("node", JSON(node)),
            ("connected_at", JSON(connectedAt)), ("last_seen_at", JSON(lastSeenAt)), ("software", JSON(software)),
            ("machine", JSON(machine)), ("system", JSON(system)), ("capabilities", JSON(capabilities)),
            ("fingerprint", JSON(fingerprint)), ("offered_fingerprint", JSON(offeredFingerprint)),
            ("duplicate_address", JSON(duplicateAddress)),
            ("entries_applied", .integer(entriesApplied)), ("entries_wanted", .integer(entriesWanted)),
            ("version", .integer(version)), ("created_at", JSON(createdAt)),
        ])
    }
}

extension AdminRecord {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("username", .text(name)), ("disabled", .bool(disabled)),
            ("version", .integer(version)), ("created_at", JSON(createdAt)),
        ])
    }
}

extension GrantRecord {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("user_id", JSON(userID)), ("username", .text(userName)), ("knoc_id", JSON(knocID)),
            ("knoc_name", .text(knocName)), ("session_id", JSON(sessionID)), ("address", JSON(address)),
            ("origin", .text(origin.rawValue)), ("created_at", JSON(createdAt)), ("expires_at", JSON(expiresAt)),
            ("state", .text(state.rawValue)), ("reason", JSON(reason)), ("ended_at", JSON(endedAt)),
            ("end_reason", JSON(endReason)), ("agents", .list(parts.map(\.json))),
            (
                "shared_with",
                .list(
                    sharedWith.map { sharer in
                        .object([("user_id", JSON(sharer.userID)), ("username", .text(sharer.userName))])
                    })
            ),
        ])
    }
}

extension GrantRecord.Part {
    var json: JSON {
        .object([
            ("agent_id", JSON(agentID.ofAgent)), ("agent_name", .text(agentName)), ("state", .text(state.rawValue)),
            ("reason", JSON(reason)),
        ])
    }
}

extension SessionAddress {
    var json: JSON {
        .object([
            ("address", JSON(address)), ("origin", .text(origin.rawValue)), ("added_at", JSON(addedAt)),
            ("leaves_at", JSON(leavesAt)),
        ])
    }
}

extension SessionRecord {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("kind", .text(principal.kind)), ("principal_id", .text(principal.identifier)),
            ("username", .text(name)), ("address", JSON(address)), ("address_reason", JSON(addressReason)),
            ("addresses", .list(addresses.map(\.json))), ("user_agent", JSON(userAgent)),
            ("created_at", JSON(createdAt)), ("expires_at", JSON(expiresAt)),
            ("last_seen_at", JSON(lastSeenAt)), ("ended_at", JSON(endedAt)), ("end_reason", JSON(endReason)),
        ])
    }
}

extension Session.Principal {
    var kind: String {
        switch self {
        case .user: "user"
        case .admin: "admin"
        }
    }

    var identifier: String {
        switch self {
        case .user(let id): id.description
        case .admin(let id): id.description
        }
    }
}

extension AuditRecord {
    var json: JSON {
        .object([
            ("id", JSON(id)), ("at", JSON(at)), ("node", .text(node)), ("actor_kind", .text(actorKind)),
            ("actor_id", JSON(actorID)), ("actor_name", JSON(actorName)), ("action", .text(action)),
            ("subject_kind", JSON(subjectKind)), ("subject_id", JSON(subjectID)), ("subject_name", JSON(subjectName)),
            ("address", JSON(address)), ("request_id", JSON(requestID)), ("details", JSON(details)),
        ])
    }
}
