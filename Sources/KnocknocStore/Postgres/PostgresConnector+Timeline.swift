import KnocknocModel

// A primary that was replaced and comes back takes writes too, which nobody else will ever see. Every promotion begins a
// new timeline, so that the host with the higher one is the one that was promoted.
extension PostgresConnector {
    /// Asks all hosts which timeline they write, so that the first to answer is not taken for the only one.
    func lookAround(_ generation: Int) async {
        let targets = targets
        let look = look { [weak self] limit in
            await withTaskGroup(of: Int64?.self) { group in
                // Hosts that are near answer within milliseconds; one that is cut off must not hold up the others for long.
                let deadline = ContinuousClock.now + limit
                for target in targets {
                    group.addTask {
                        try? await Self.reach(target, until: deadline) { try await Self.timeline($0, until: deadline) }
                    }
                }
                for await timeline in group { self?.note(timeline, asked: generation) }
            }
        }
        await look?.value
    }

    /// - Throws: ``StoreError`` `unavailable` where another host was seen with a newer timeline.
    func refuseOutdated(_ handle: PostgresHandle, _ generation: Int) async throws {
        guard targets.count > 1,
            let timeline = try? await Self.timeline(handle, until: .now + .seconds(1))
        else { return }
        let newest = note(timeline, asked: generation)
        guard timeline >= newest else {
            throw StoreError(
                .unavailable,
                "\(handle.target.name): a primary that was replaced (timeline \(timeline), the site's is \(newest)); it must "
                    + "not take writes any more", sqlState: "25006")
        }
    }

    /// - Returns: nil for a standby, and where the service does not tell.
    private static func timeline(
        _ handle: PostgresHandle, until deadline: ContinuousClock.Instant
    ) async throws -> Int64? {
        let rows = try await handle.execute(
            """
            select case when not pg_is_in_recovery() then
                ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end as timeline
            """, until: deadline)
        return try rows.first.flatMap { try $0.optional("timeline", $0.integer) }
    }
}
