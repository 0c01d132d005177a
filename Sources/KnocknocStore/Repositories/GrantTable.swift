package import KnocknocModel

/// The statements about rights.
package enum GrantTable {
    /// Which grants an ending is about: a condition on `grants` with parameters from `$3` on.
    package enum Scope: Sendable {
        case grant(GrantID)
        case session(SessionID)
        /// One Knoc in one session.
        case knocInSession(KnocID, SessionID)
        /// One address of a session.
        case address(SessionID, IPAddress)
        case user(UserID)
        case knoc(KnocID)
        /// Of a user or a Knoc, and only where the right is gone.
        case wrongful(of: UserID)
        case wrongfulKnoc(KnocID)
        /// Of a Knoc, and older than this many seconds.
        case outlived(KnocID, seconds: Int64)
        case allWrongful(limit: Int)
        /// Whose time has come.
        case expired(limit: Int)
        /// On an entry.
        case entry(EntryID)

        private static let wrongfulness = """
            (not exists (
                select 1 from group_members m
                join knoc_groups kg on kg.group_id = m.group_id
                where m.user_id = grants.user_id and kg.knoc_id = grants.knoc_id)
            or exists (select 1 from users u where u.id = grants.user_id and u.disabled = 1)
            or exists (select 1 from knocs k where k.id = grants.knoc_id and k.disabled = 1))
            """

        var condition: String {
            switch self {
            case .grant: "id = $3"
            case .session: "session_id = $3"
            case .knocInSession: "knoc_id = $3 and session_id = $4"
            case .address: "session_id = $3 and address = $4"
            case .user: "user_id = $3"
            case .knoc: "knoc_id = $3"
            case .wrongful: "user_id = $3 and \(Self.wrongfulness)"
            case .wrongfulKnoc: "knoc_id = $3 and \(Self.wrongfulness)"
            case .outlived: "knoc_id = $3 and created_at + $4 * 1000000 <= $1"
            case .allWrongful:
                """
                id in (select id from grants where state = 'live' and \(Self.wrongfulness) limit $3)
                """
            case .expired:
                """
                id in (
                    select x.id from grants x where x.state = 'live' and x.expires_at <= $1
                    order by x.expires_at limit $3)
                """
            case .entry: "id in (select grant_id from grant_entries where entry_id = $3)"
            }
        }

        var parameters: [any ValueConvertible] {
            switch self {
            case .grant(let id): [id]
            case .session(let id): [id]
            case .knocInSession(let knoc, let session): [knoc, session]
            case .address(let session, let address): [session, address]
            case .user(let id), .wrongful(let id): [id]
            case .knoc(let id), .wrongfulKnoc(let id): [id]
            case .outlived(let id, let seconds): [id, seconds]
            case .allWrongful(let limit), .expired(let limit): [limit]
            case .entry(let id): [id]
            }
        }
    }

    /// Ends live grants, which locks them.
    package static func end(_ scope: Scope, at now: Timestamp, reason: String) -> Statement {
        Statement(
            constants: """
                update grants set state = 'ended', ended_at = $1, end_reason = $2
                where state = 'live' and \(scope.condition)
                returning id, user_id, knoc_id, session_id, address,
                    (select u.name from users u where u.id = grants.user_id) as user_name,
                    (select k.name from knocs k where k.id = grants.knoc_id) as knoc_name
                """, [now, reason] + scope.parameters)
    }

    /// Whose a live grant is.
    package static func live(_ id: GrantID) -> Statement {
        Statement("select session_id, knoc_id from grants where id = $1 and state = 'live'", id)
    }

    /// The entries of what the same transaction has ended at `now` for one Knoc in one session, with their agents.
    package static func entries(endedAt now: Timestamp, _ knoc: KnocID, _ session: SessionID) -> Statement {
        Statement(
            """
            select distinct ge.entry_id, t.agent_id
            from grants g
            join grant_entries ge on ge.grant_id = g.id
            join entries e on e.id = ge.entry_id
            join targets t on t.id = e.target_id
            where g.session_id = $1 and g.knoc_id = $2 and g.state = 'ended' and g.ended_at = $3
            """, session, knoc, now)
    }

    /// The entries of grants, with their agents.
    package static func entries(of grants: [GrantID]) -> [Statement] {
        SQLList.statements(grants) { list in
            """
            select distinct ge.entry_id, t.agent_id
            from grant_entries ge
            join entries e on e.id = ge.entry_id
            join targets t on t.id = e.target_id
            where ge.grant_id in (\(list))
            """
        }
    }

    package static func insert(
        _ id: GrantID, user: UserID, session: SessionID, knoc: KnocID, address: IPAddress, origin: GrantOn,
        createdAt: Timestamp, expiresAt: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into grants (id, user_id, session_id, knoc_id, address, origin, state, created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, 'live', $7, $8)
            """, id, user, session, knoc, address, origin.rawValue, createdAt, expiresAt)
    }

    /// Live grants of a Knoc, locked against their ending.
    package static func lockLive(of knoc: KnocID) -> Statement {
        Statement(
            """
            update grants set state = state where knoc_id = $1 and state = 'live'
            returning id, user_id, address, expires_at
            """, knoc)
    }

    /// Gives live grants of a Knoc that would last longer than `seconds` from their making that earlier end.
    package static func shorten(_ knoc: KnocID, seconds: Int64) -> Statement {
        Statement(
            """
            update grants set expires_at = created_at + $2 * 1000000
            where knoc_id = $1 and state = 'live' and expires_at > created_at + $2 * 1000000
            returning id, user_id, address, expires_at
            """, knoc, seconds)
    }

    package static func nextExpiry() -> Statement {
        Statement("select min(expires_at) as expires_at from grants where state = 'live'")
    }

    /// Newest first, those older than `before`, one row for each enforcement of each.
    ///
    /// - Parameters:
    ///   - user: only of this one; nil is of everybody.
    ///   - knoc: only of this one; nil is of all.
    package static func list(
        live: Bool, of user: UserID? = nil, on knoc: KnocID? = nil, before: GrantID?, now: Timestamp, limit: Int
    ) -> Statement {
        Statement(
            """
            select g.id as grant_id, g.user_id, u.name as user_name, g.knoc_id, k.name as knoc_name, g.session_id,
                g.address, g.origin, g.state as grant_state, g.created_at, g.expires_at as grant_expires_at,
                g.ended_at, g.end_reason, k.open_when, n.wanted, n.revision, n.applied_revision, n.outcome, n.reason,
                t.outcome as target_outcome, t.reason as target_reason, a.name as agent_name,
                n.agent_id, t.ends_alone, coalesce(kt.placed, 0) as placed, k.close_after_seconds,
                l.last_seen_at as link_seen_at, l.closed_at as link_closed_at, knocknoc_now() as now
            from (
                select x.* from grants x
                where ($1 = 0 or (x.state = 'live' and x.expires_at > $2)) and x.id < $3
                    and ($5 = '' or x.user_id = $5) and ($6 = '' or x.knoc_id = $6)
                order by x.id desc limit $4) g
            join users u on u.id = g.user_id
            join knocs k on k.id = g.knoc_id
            left join grant_entries ge on ge.grant_id = g.id
            left join entries e on e.id = ge.entry_id
            left join enforcements n on n.entry_id = ge.entry_id
            left join targets t on t.id = e.target_id
            left join knoc_targets kt on kt.knoc_id = g.knoc_id and kt.target_id = e.target_id
            left join agents a on a.id = n.agent_id
            left join agent_links l on l.agent_id = n.agent_id
            order by g.id desc, t.id
            """, live, now, before?.description ?? "g", limit, user?.description ?? "", knoc?.description ?? "")
    }

    /// Who else holds entries of these grants: a row for each user and grant.
    package static func sharers(of grants: [GrantID], now: Timestamp) -> [Statement] {
        SQLList.statements(grants, leading: [now]) { list in
            """
            select distinct mine.grant_id, u.id as user_id, u.name as user_name
            from grant_entries mine
            join grant_entries theirs on theirs.entry_id = mine.entry_id and theirs.grant_id <> mine.grant_id
            join grants g on g.id = theirs.grant_id and g.state = 'live' and g.expires_at > $1
            join grants own on own.id = mine.grant_id and own.user_id <> g.user_id
            join users u on u.id = g.user_id
            where mine.grant_id in (\(list))
            order by mine.grant_id, user_name
            """
        }
    }
}
