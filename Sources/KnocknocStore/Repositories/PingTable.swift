package import KnocknocModel

/// The statements about pings that somebody asked for; their times are the database's.
package enum PingTable {
    /// - Parameter logLines: how many of the agent's last log lines are wanted too.
    package static func ask(_ id: PingID, of agent: AgentID, logLines: Int?) -> Statement {
        Statement(
            "insert into agent_pings (id, agent_id, asked_at, log_lines) values ($1, $2, knocknoc_now(), $3)", id,
            agent,
            logLines)
    }

    /// Those without an answer that somebody still waits for, in the order of their ids.
    ///
    /// - Parameters:
    ///   - after: nil begins with the first.
    ///   - patience: microseconds.
    package static func waiting(after: PingID?, patience: Int64, limit: Int) -> Statement {
        Statement(
            """
            select id, agent_id, log_lines from agent_pings
            where node is null and asked_at > knocknoc_now() - $1 and id > $2
            order by id limit $3
            """, patience, after?.description ?? "", limit)
    }

    /// - Parameter roundTrip: microseconds.
    package static func answer(_ id: PingID, node: String, roundTrip: Int64, log: String?) -> Statement {
        Statement(
            "update agent_pings set node = $2, round_trip = $3, log = $4 where id = $1 and node is null", id, node,
            roundTrip, log)
    }

    package static func read(_ id: PingID) -> Statement {
        Statement("select node, round_trip, log from agent_pings where id = $1", id)
    }

    package static func prune() -> Statement {
        Statement("delete from agent_pings where asked_at < knocknoc_now() - $1", Int64(60_000_000))
    }
}
