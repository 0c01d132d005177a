import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocStore

/// What both drivers promise, with a pooler between too; each test runs against all.
@Suite("a database", .timeLimit(.minutes(2)))
struct ConformanceTests {
    @Test("values come back as they were stored", arguments: Driver.available)
    func values(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let blob: [UInt8] = [0, 255, 39, 92, 0]
            let text = "O'Brien \\ ü 日本 $1 ?"
            let row = try await database.write(Fixture.operation()) { transaction in
                try await transaction.run(
                    Statement(
                        """
                        insert into probe (id, name, amount, secret) values ($1, $2, $3, $4)
                        returning id, name, amount, secret, parent
                        """, Int64.min, text, Int64.max, blob))[0]
            }
            #expect(try row.integer("id") == .min)
            #expect(try row.text("name") == text)
            #expect(try row.integer("amount") == .max)
            #expect(try row.blob("secret") == blob)
            #expect(try row.isNull("parent"))
            let read = try await database.run(
                Statement(
                    "select cast(-5 as smallint) as small, amount + $2 as more, '' as empty from probe where id = $1",
                    Int64.min, -1))
            #expect(try read[0].integer("more") == .max - 1)
            #expect(try read[0].integer("small") == -5)
            #expect(try read[0].text("empty") == "")
            let empty = try await database.write(Fixture.operation()) { transaction in
                try await transaction.run(
                    Statement(
                        "insert into probe (id, name, secret) values (1, $1, $2) returning name, secret", "",
                        [UInt8]()))[0]
            }
            #expect(try empty.text("name") == "" && empty.blob("secret") == [])
        }
    }

    @Test("an integer parameter has 64 bits wherever it stands", arguments: Driver.available)
    func wideParameters(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let row = try await database.run(
                Statement("select $1 + 1000000 as sum, $1 = $1 as same", Int64(1_800_000_000_000_000)))[0]
            #expect(try row.integer("sum") == 1_800_000_001_000_000)
            #expect(try row.bool("same"))
        }
    }

    @Test("several statements in one go answer in order", arguments: Driver.available)
    func batches(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let results = try await database.write(Fixture.operation()) { transaction in
                try await transaction.run([
                    Statement("insert into probe (id, name) values ($1, $2)", 1, "a"),
                    Statement("update probe set name = $1 where id = $2 returning name", "b", 1),
                    Statement("select name from probe"),
                ])
            }
            #expect(results.map(\.count) == [0, 1, 1])
            #expect(try results[2][0].text("name") == "b")
        }
    }

    @Test("a column that is not there is named in the error", arguments: Driver.available)
    func unknownColumn(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let row = try await database.run(Statement("select 1 as one"))[0]
            let error = #expect(throws: StoreError.self) { try row.integer("two") }
            #expect(error?.code == .decoding && error?.message.contains("two") == true)
            #expect(throws: StoreError.self) { try row.text("one") }
        }
    }

    @Test("a statement that the database refuses says which", arguments: Driver.available)
    func refused(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let error = await #expect(throws: StoreError.self) {
                try await database.run(Statement("select nothing from nowhere"))
            }
            #expect(error?.code == .statement && error?.message.contains("nowhere") == true)
            // The connection is as good as before.
            try await Fixture.expect(0, in: database)
        }
    }

    @Test("a unique constraint is reported by its name in the migrations", arguments: Driver.available)
    func unique(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            func insert(_ id: Int, _ name: String?, _ amount: Int?) async throws {
                try await database.write(Fixture.operation()) { transaction in
                    _ = try await transaction.run(
                        Statement(
                            "insert into probe (id, name, amount, secret) values ($1, $2, $3, $4)", id, name, amount,
                            [UInt8](repeating: 1, count: 2)))
                }
            }
            try await insert(1, "a", 200)
            for (id, name, amount, constraint) in [
                (2, "a", nil, "probe_name_key"), (1, nil, nil, "probe_pkey"), (3, nil, 200, "probe_amount_secret_key"),
            ] as [(Int, String?, Int?, String)] {
                let error = await #expect(throws: StoreError.self) { try await insert(id, name, amount) }
                #expect(error?.code == .unique)
                #expect(error?.constraint == constraint)
            }
            try await Fixture.expect(1, in: database)
        }
    }

    @Test("a foreign key refuses both ways", arguments: Driver.available)
    func foreignKey(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            for sql in ["insert into probe (id, parent) values (9, 8)", "delete from probe where id = 1"] {
                let error = await #expect(throws: StoreError.self) {
                    try await database.write(Fixture.operation()) { transaction in
                        try await transaction.run([
                            Statement("insert into probe (id) values (1)"),
                            Statement("insert into probe (id, parent) values (2, 1)"),
                            Statement(constants: sql, []),
                        ])
                    }
                }
                #expect(error?.code == .foreignKey)
            }
            try await Fixture.expect(0, in: database)
        }
    }

    @Test("what the body throws rolls everything back and comes out as it is", arguments: Driver.available)
    func rollback(_ driver: Driver) async throws {
        struct Refusal: Error, Equatable {}
        try await Fixture.with(driver) { database, _ in
            let operation = Fixture.operation()
            await #expect(throws: Refusal()) {
                try await database.write(operation) { transaction in
                    _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
                    throw Refusal()
                }
            }
            try await Fixture.expect(0, in: database)
            // Rolled back with its operation: the same one may be tried again.
            try await database.write(operation) { transaction in
                _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
            }
            try await Fixture.expect(1, in: database)
        }
    }

    @Test(
        "after a failed statement nothing of the transaction stays, whatever the body makes of it",
        arguments: Driver.available)
    func swallowedFailure(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            await #expect(throws: StoreError.self) {
                try await database.write(Fixture.operation()) { transaction in
                    _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
                    _ = try? await transaction.run(Statement("insert into probe (id) values (1)"))
                }
            }
            try await Fixture.expect(0, in: database)
        }
    }

    @Test("a transaction cannot be used after its end", arguments: Driver.available)
    func escaped(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let escaped = try await database.write(Fixture.operation()) { transaction in
                _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
                return transaction
            }
            await #expect(throws: StoreError.self) {
                try await escaped.run(Statement("insert into probe (id) values (2)"))
            }
            try await Fixture.expect(1, in: database)
        }
    }

    @Test("concurrent writers lose nothing", arguments: Driver.available)
    func concurrentWriters(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            try await database.write(Fixture.operation()) { transaction in
                _ = try await transaction.run(Statement("insert into probe (id, amount) values (1, 0)"))
            }
            try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<30 {
                    group.addTask {
                        try await database.write(Fixture.operation()) { transaction in
                            let row = try await transaction.run(
                                Statement("update probe set amount = amount + 1 where id = 1 returning amount"))
                            _ = try await transaction.now()
                            return try row[0].integer("amount")
                        }
                    }
                }
                var seen: Set<Int64> = []
                for try await amount in group { seen.insert(amount) }
                #expect(seen == Set(1...30))
            }
        }
    }

    @Test("an operation is written once", arguments: Driver.available)
    func operationOnce(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let operation = Fixture.operation()
            for attempt in 1...2 {
                do {
                    try await database.write(operation) { transaction in
                        _ = try await transaction.run(Statement("insert into probe (id) values ($1)", attempt))
                    }
                    #expect(attempt == 1)
                } catch let error as StoreError {
                    #expect(attempt == 2 && error.code == .unique && error.constraint == "operations_pkey")
                }
            }
            try await Fixture.expect(1, in: database)
        }
    }

    @Test("a snapshot does not see what is committed after its beginning", arguments: Driver.available)
    func snapshot(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            try await database.snapshot { snapshot in
                try await Fixture.expect(0, in: snapshot)
                try await database.write(Fixture.operation()) { transaction in
                    _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
                }
                try await Fixture.expect(0, in: snapshot)
                try await Fixture.expect(1, in: database)
            }
            await #expect(throws: StoreError.self) {
                try await database.snapshot { try await $0.run(Statement("insert into probe (id) values (2)")) }
            }
            try await Fixture.expect(1, in: database)
        }
    }

    @Test("the time moves inside a transaction", arguments: Driver.available)
    func time(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let (first, second) = try await database.write(Fixture.operation()) { transaction in
                let first = try await transaction.now()
                _ = try await transaction.run(Statement("select count(*) from probe"))
                return (first, try await transaction.now())
            }
            #expect(first < second)
            #expect(abs(first.milliseconds(since: SystemTime.now())) < 60_000)
        }
    }

    @Test("the estimate of the database's time is never early and never goes back", arguments: Driver.available)
    func estimate(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            try await database.waitUntilReachable()
            var last = Timestamp(microseconds: 0)
            for _ in 0..<200 {
                let exact = try await database.run(Statement("select knocknoc_now() as now"))[0].timestamp("now")
                let estimate = database.estimatedNow()
                #expect(estimate >= exact)
                #expect(estimate >= last)
                #expect(estimate.milliseconds(since: exact) < 2000)
                last = estimate
            }
        }
    }

    @Test("events reach every subscriber in the process, merged where it is slow", arguments: Driver.available)
    func localEvents(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let mode = driver == .pooled ? "polling" : "live"
            while try await database.health().events != mode { await Task.yield() }
            let ids = (0..<3).map { _ in AgentID.new(at: SystemTime.now()) }
            let (one, two) = (database.events(), database.events())
            for id in ids { database.announce(.agents([id])) }
            for stream in [one, two] {
                let seen = Mutex<Set<AgentID>>([])
                #expect(
                    await Fixture.wait(stream) { event in
                        // Whoever polls is told so time and again, and then compares all of them.
                        if driver == .pooled, event == .everything { return true }
                        guard case .agents(let some) = event else { return false }
                        return seen.withLock { seen in
                            seen.formUnion(some)
                            return seen == Set(ids)
                        }
                    })
            }
        }
    }

    @Test("another process hears that something changed", arguments: Driver.available)
    func otherProcess(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, url in
            let other = try Fixture.open(url)
            // SQLite notices the file's change, Postgres tells whom it concerns, unless a pooler stands between.
            let user = UserID.new(at: SystemTime.now())
            try await Fixture.running(other) {
                if driver == .postgres {
                    for side in [database, other] {
                        while try await side.health().events != "live" { await Task.yield() }
                    }
                }
                let events = other.events()
                let listening = Task {
                    await Fixture.wait(events) { $0 == (driver == .postgres ? .users([user]) : .everything) }
                }
                var isDone = false
                while !isDone {
                    try await database.write(Fixture.operation()) { transaction in
                        _ = try await transaction.run(Statement("update site set created_at = created_at + 1"))
                    }
                    database.announce(.users([user]))
                    // SQLite's first look at the file only says what "before" is.
                    let isHeard = try await finished(listening, within: .milliseconds(100))
                    isDone = driver == .postgres || isHeard
                }
                #expect(await listening.value)
            }
        }
    }

    private func finished(_ task: Task<Bool, Never>, within limit: Duration) async throws -> Bool {
        let latch = Latch()
        Task {
            _ = await task.value
            latch.set()
        }
        return try await latch.wait(within: limit)
    }

    @Test("health tells the schema", arguments: Driver.available)
    func health(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let health = try await database.health()
            #expect(health.schema >= 1 && health.readableFrom >= 1)
            #expect(health.durability == (driver == .sqlite ? "local" : "async"))
        }
    }
}
