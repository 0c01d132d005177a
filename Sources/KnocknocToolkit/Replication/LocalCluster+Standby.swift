import KnocknocSystem

extension LocalCluster {
    /// A standby's view of what it follows.
    struct Following: Decodable, Sendable {
        /// As in `primary_conninfo`; holds the password.
        var connection: String
        var slot: String
        /// `streaming` while it does.
        var status: String?
        /// When the last message came from there.
        var heard: String?
        /// Bytes of the log from its beginning.
        var received: Int64?
        var replayed: Int64?
        /// Since the last commit that it has, in seconds.
        var age: Double?
        var lastCommit: String?
    }

    func following() async throws -> Following {
        let all: [Following] = try await rows(
            """
            select current_setting('primary_conninfo') as connection, current_setting('primary_slot_name') as slot,
                (select status from pg_stat_wal_receiver) as status,
                (select last_msg_receipt_time::text from pg_stat_wal_receiver) as heard,
                pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint as received,
                pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint as replayed,
                extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as age,
                to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC') as "lastCommit"
            """)
        guard let first = all.first else { throw SystemError(.failed, "\(name) does not say what it follows") }
        return first
    }

    struct Follower: Decodable, Sendable {
        var name: String
        var address: String?
        var state: String
        var sync: String
        /// Bytes that it has not replayed yet.
        var behind: Int64?
    }

    /// Who follows this cluster at this moment.
    func followers() async throws -> [Follower] {
        try await rows(
            """
            select application_name as name, host(client_addr) as address, state, sync_state as sync,
                pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint as behind
            from pg_stat_replication where state is not null order by application_name
            """)
    }

    /// Waits, for 5 s at most, until a standby has on its disk all that is committed here by now.
    ///
    /// - Parameter name: its `application_name`.
    /// - Returns: whether it has.
    func isKnown(to name: String) async throws -> Bool {
        struct Place: Decodable { var end: String }
        struct Answer: Decodable { var isThere: Bool }
        let places: [Place] = try await rows("select pg_current_wal_flush_lsn()::text as end")
        let deadline = ContinuousClock.now + .seconds(5)
        while let end = places.first?.end {
            let answers: [Answer] = try await rows(
                """
                select coalesce(bool_or(flush_lsn >= \(try SQLText.literal(end))::pg_lsn), false) as "isThere"
                from pg_stat_replication where application_name = \(try SQLText.literal(name))
                """)
            if answers.first?.isThere == true { return true }
            let isFollowing = try await followers().contains { $0.name == name && $0.state == "streaming" }
            guard isFollowing, ContinuousClock.now < deadline else { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    /// Stops it in order: sessions are ended, everything is written.
    func stop(by keeper: Keeper) async throws {
        let doing = "stopping \(name)"
        switch keeper {
        case .systemd(let unit): try await SystemdUnit(unit).stop()
        case .debian(let version, let cluster):
            try await Command.check(doing, ["pg_ctlcluster", version, cluster, "stop", "-m", "fast"])
        case .control(let program, _):
            try await Command.check(
                doing,
                try SystemUser.prefix(for: owner)
                    + [program, "-D", dataDirectory, "-s", "-w", "-t", "120", "-m", "fast", "stop"])
        }
    }

    var isRunning: Bool { SystemFile(dataDirectory + "/postmaster.pid").exists }
}

extension LocalCluster {
    /// A command in the name of the user that this cluster runs as, whom peer authentication lets in.
    public func asOwner(_ command: [String]) throws -> [String] { try SystemUser.prefix(for: owner) + command }

    /// For the web node of this machine, as whoever runs it.
    var socketURL: String {
        "postgres:///\(URLText.encoded(database))?host=\(URLText.encoded(socket.folder))"
            + (port == 5432 ? "" : "&port=\(port)")
    }

    /// Over the Unix socket, as the superuser.
    public var url: String {
        "postgres:///\(URLText.encoded(database))?host=\(URLText.encoded(socket.folder))&port=\(port)"
            + "&user=\(URLText.encoded(superuser))"
    }
}
