import Foundation
import KnocknocModel
import Testing

@testable import KnocknocStore

@Suite("the SQLite file")
struct SQLiteTests {
    @Test("a second server is refused and told by whom; a command works beside the first")
    func lock() async throws {
        let path = Fixture.folder() + "/k.db"
        let server = try SQLiteDatabase(path: path, serverLock: true, logger: Fixture.logger)
        let error = #expect(throws: StoreError.self) {
            try SQLiteDatabase(path: path, serverLock: true, logger: Fixture.logger)
        }
        #expect(error?.code == .locked && error?.message.contains("pid \(getpid())") == true)
        let knocker = try SQLiteDatabase(path: path, serverLock: false, logger: Fixture.logger)
        try await Migrator(server, logger: Fixture.logger).migrate()
        try await knocker.write(Fixture.operation()) { transaction in
            _ = try await transaction.run(Statement("update site set epoch = 'from knocker'"))
        }
        #expect(try await server.run(Statement("select epoch from site"))[0].text("epoch") == "from knocker")
        await knocker.close()
        await server.close()
    }

    @Test("the lock goes with its holder")
    func lockIsReleased() async throws {
        let path = Fixture.folder() + "/k.db"
        do {
            let first = try SQLiteDatabase(path: path, serverLock: true, logger: Fixture.logger)
            await first.close()
        }
        let second = try SQLiteDatabase(path: path, serverLock: true, logger: Fixture.logger)
        await second.close()
    }

    @Test("nobody else can read the file, its journals or its folder")
    func modes() async throws {
        let folder = Fixture.folder()
        let database = try SQLiteDatabase(path: folder + "/deep/k.db", serverLock: true, logger: Fixture.logger)
        try await Migrator(database, logger: Fixture.logger).migrate()
        func mode(_ path: String) throws -> Int {
            try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
        }
        #expect(try mode(folder + "/deep") == 0o700)
        for file in ["k.db", "k.db-wal", "k.db-shm", "k.db.lock"] {
            #expect(try mode("\(folder)/deep/\(file)") == 0o600, "\(file)")
        }
        await database.close()
    }

    @Test("an acknowledged write is on the disk, and keys are enforced, on the writing connection")
    func pragmas() async throws {
        let database = try SQLiteDatabase(path: Fixture.folder() + "/k.db", serverLock: false, logger: Fixture.logger)
        let values = try await database.migrate { session in
            var values: [Int64] = []
            for name in ["synchronous", "foreign_keys"] {
                values.append(try await session.run(Statement(constants: "pragma \(name)", []))[0].integer(name))
            }
            return values
        }
        #expect(values == [2, 1])
        await database.close()
    }

    @Test("a path that cannot be used is named")
    func badPath() {
        let error = #expect(throws: StoreError.self) {
            try SQLiteDatabase(path: "/proc/none/k.db", serverLock: false, logger: Fixture.logger)
        }
        #expect(error?.code == .configuration && error?.message.contains("/proc/none") == true)
    }

    @Test("constraints are found by name in a table's definition")
    func constraintNames() {
        let sql = "create table t (a text, b text, constraint t_ab_key unique(a, b), constraint t_pkey primary key (a))"
        #expect(SQLiteErrors.declared(["b", "a"], in: sql) == "t_ab_key")
        #expect(SQLiteErrors.declared(["a"], in: sql) == "t_pkey")
        #expect(SQLiteErrors.declared(["b"], in: sql) == nil)
    }
}
