import KnocknocModel

extension PostgresDatabase {
    public func health() async throws -> DatabaseHealth {
        let limit = options.serviceTimeout
        let shot = OneShot<DatabaseHealth>()
        let asking = Task {
            do { shot.complete(.success(try await askHealth(until: .now + limit))) } catch {
                shot.complete(.failure(error))
            }
        }
        defer { asking.cancel() }
        return try await shot.value(
            within: limit,
            else: StoreError(.unavailable, "the database did not answer within \(limit.components.seconds) s"))
    }

    private func askHealth(until deadline: ContinuousClock.Instant) async throws -> DatabaseHealth {
        if pool.isStarving { pool.give(back: try await pool.take(until: deadline)) }
        let connection = try await service.connection(until: deadline)
        do {
            let preamble = connection.preamble
            let outcome = try await connection.run(
                preamble + [
                    Statement("select version, readable_from from schema_state where id = 1"),
                    Statement(
                        """
                        select current_setting('synchronous_standby_names') <> ''
                            and current_setting('synchronous_commit') in ('on', 'remote_apply', 'remote_write') as sync
                        """),
                ], until: deadline)
            let rows = try outcome.replies.dropFirst(preamble.count).flatMap { try $0.rows() }
            guard rows.count == 2 else {
                throw StoreError(.schemaTooOld, "the database has not been migrated: run knocknoc migrate")
            }
            return DatabaseHealth(
                schema: Int(try rows[0].integer("version")), readableFrom: Int(try rows[0].integer("readable_from")),
                events: listening.isLive ? "live" : "polling",
                durability: try rows[1].bool("sync") ? "sync" : "async")
        } catch let error as StoreError where error.sqlState == "42P01" {
            throw StoreError(
                .schemaTooOld, "the database has not been migrated: run knocknoc migrate", sqlState: "42P01")
        } catch {
            throw retire(error, connection)
        }
    }
}
