import KnocknocModel
import Testing

@testable import KnocknocStore

@Suite("the two migrated schemas", .enabled(if: PostgresServer.isInstalled, "no PostgreSQL server is installed"))
struct SchemaAgreementTests {
    private struct Column: Hashable, Comparable, CustomStringConvertible {
        var table: String
        var name: String
        var type: String
        var isNullable: Bool
        var isPrimary: Bool

        var description: String {
            "\(table).\(name) \(type)\(isNullable ? "" : " not null")\(isPrimary ? " primary" : "")"
        }

        static func < (left: Self, right: Self) -> Bool { left.description < right.description }
    }

    private struct UniqueKey: Hashable, CustomStringConvertible {
        var table: String
        var columns: Set<String>
        var isPartial: Bool

        var description: String {
            "\(table)(\(columns.sorted().joined(separator: ", ")))\(isPartial ? " partial" : "")"
        }
    }

    private struct ForeignKey: Hashable {
        var table: String
        var column: String
        var target: String
        var onDelete: String
    }

    private func with<Result>(
        _ driver: Driver, _ body: (any DatabaseService) async throws -> Result
    ) async throws -> Result {
        let database = try Fixture.open(try await Fixture.emptyURL(driver))
        try await Migrator(database, logger: Fixture.logger).migrate()
        let result = try await body(database)
        await database.close()
        return result
    }

    @Test("agree column by column: type, nullability, primary key")
    func columns() async throws {
        let types = ["bigint": "integer", "smallint": "integer", "text": "text", "bytea": "blob"]
        let postgres = try await with(.postgres) { database in
            try await database.run(
                Statement(
                    """
                    select c.table_name, c.column_name, c.data_type, c.is_nullable,
                        exists (
                            select from information_schema.table_constraints t
                            join information_schema.key_column_usage k using (constraint_schema, constraint_name)
                            where t.constraint_type = 'PRIMARY KEY' and t.table_schema = 'knocknoc'
                                and k.table_name = c.table_name and k.column_name = c.column_name
                        ) as is_primary
                    from information_schema.columns c
                    where c.table_schema = 'knocknoc'
                    """)
            ).map { row in
                let type = try row.text("data_type")
                return Column(
                    table: try row.text("table_name"), name: try row.text("column_name"), type: types[type] ?? type,
                    isNullable: try row.text("is_nullable") == "YES", isPrimary: try row.bool("is_primary"))
            }
        }
        let sqlite = try await with(.sqlite) { database in
            try await database.run(
                Statement(
                    """
                    select m.name as table_name, c.name, lower(c.type) as type, c."notnull", c.pk
                    from sqlite_master m join pragma_table_info(m.name) c
                    where m.type = 'table' and m.name not like 'sqlite_%'
                    """)
            ).map { row in
                let isPrimary = try row.integer("pk") > 0
                return Column(
                    table: try row.text("table_name"), name: try row.text("name"), type: try row.text("type"),
                    isNullable: try !row.bool("notnull") && !isPrimary, isPrimary: isPrimary)
            }
        }
        #expect(!postgres.isEmpty)
        #expect(Set(postgres).symmetricDifference(sqlite).sorted() == [])
    }

    @Test("agree on unique keys")
    func uniqueKeys() async throws {
        let postgres = try await with(.postgres) { database in
            try await database.run(
                Statement(
                    """
                    select i.indrelid::regclass::text as table_name, i.indpred is not null as partial,
                        (select string_agg(a.attname, ',') from pg_attribute a
                            where a.attrelid = i.indrelid and a.attnum = any (i.indkey)) as columns
                    from pg_index i join pg_class c on c.oid = i.indrelid
                    where i.indisunique and c.relnamespace = 'knocknoc'::regnamespace
                    """)
            ).map { row in
                UniqueKey(
                    table: String(try row.text("table_name").split(separator: ".").last ?? ""),
                    columns: Set(try row.text("columns").split(separator: ",").map(String.init)),
                    isPartial: try row.bool("partial"))
            }
        }
        let sqlite = try await with(.sqlite) { database in
            try await database.run(
                Statement(
                    """
                    select m.name as table_name, l.partial,
                        (select group_concat(i.name, ',') from pragma_index_info(l.name) i) as columns
                    from sqlite_master m join pragma_index_list(m.name) l
                    where m.type = 'table' and l."unique" = 1
                    union all
                    select m.name, 0, (select group_concat(c.name, ',') from pragma_table_info(m.name) c where c.pk > 0)
                    from sqlite_master m
                    where m.type = 'table' and m.name not like 'sqlite_%'
                    """)
            ).map { row in
                UniqueKey(
                    table: try row.text("table_name"),
                    columns: Set(try row.text("columns").split(separator: ",").map(String.init)),
                    isPartial: try row.bool("partial"))
            }
        }
        #expect(Set(postgres).symmetricDifference(sqlite).map(\.description).sorted() == [])
    }

    @Test("agree on foreign keys and what deleting does")
    func foreignKeys() async throws {
        let actions = ["a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"]
        let postgres = try await with(.postgres) { database in
            try await database.run(
                Statement(
                    """
                    select s.relname as table_name, t.relname as target, a.attname, k.confdeltype::text as action
                    from pg_constraint k
                    join pg_class s on s.oid = k.conrelid
                    join pg_class t on t.oid = k.confrelid
                    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
                    where k.contype = 'f' and s.relnamespace = 'knocknoc'::regnamespace
                    """)
            ).map { row in
                ForeignKey(
                    table: try row.text("table_name"), column: try row.text("attname"),
                    target: try row.text("target"), onDelete: actions[try row.text("action")] ?? "")
            }
        }
        let sqlite = try await with(.sqlite) { database in
            try await database.run(
                Statement(
                    """
                    select m.name as table_name, f."table" as target, f."from" as attname, f.on_delete as action
                    from sqlite_master m join pragma_foreign_key_list(m.name) f
                    where m.type = 'table'
                    """)
            ).map { row in
                ForeignKey(
                    table: try row.text("table_name"), column: try row.text("attname"),
                    target: try row.text("target"), onDelete: try row.text("action"))
            }
        }
        #expect(Set(postgres).symmetricDifference(sqlite).map { "\($0)" }.sorted() == [])
    }
}
