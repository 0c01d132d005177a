import KnocknocModel
public import KnocknocStore
import Logging

/// Looks at a database with the connection string that somebody gave, and changes nothing.
public enum SiteProbe {
    private static let quiet = Logger(label: "probe") { _ in SwiftLogNoOpLogHandler() }

    /// - Throws: ``DatabaseRefusal`` with the reason and the way out.
    public static func look(at url: DatabaseURL) async throws(DatabaseRefusal) -> SiteFacts {
        do { return try await facts(url) } catch {
            guard let error = error as? StoreError else { throw DatabaseRefusal(.other, "\(error)") }
            var kind = DatabaseRefusal.Kind(error)
            // Where plain connections are refused, others may be welcome.
            if kind == .notListed, let encrypted = url.demandingTLS {
                do {
                    _ = try await facts(encrypted)
                    kind = .plainRefused
                } catch let second as StoreError {
                    if DatabaseRefusal.Kind(second) == .wrongPassword { kind = .plainRefused }
                } catch {}
            }
            throw DatabaseRefusal(kind, error.message)
        }
    }

    private static func facts(_ url: DatabaseURL) async throws -> SiteFacts {
        var options = PostgresOptions()
        // One try for each host: a person waits.
        (options.patience, options.connectTimeout) = (.milliseconds(50), .seconds(5))
        (options.readConnections, options.transactionConnections) = (1, 1)
        let database = try PostgresDatabase(url: url.location, logger: quiet, options: options)
        let result: Result<SiteFacts, any Error>
        do { result = .success(try await ask(database, url)) } catch { result = .failure(error) }
        await database.close()
        return try result.get()
    }

    private static func ask(_ database: PostgresDatabase, _ url: DatabaseURL) async throws -> SiteFacts {
        let release = try Migration.embedded(for: .postgres).last?.version ?? 0
        let rows = try await database.run([
            Statement(
                """
                select current_setting('server_version') as version, current_database()::text as database,
                    session_user::text as login,
                    exists (
                        select from pg_class k join pg_namespace s on s.oid = k.relnamespace
                        where s.nspname = 'knocknoc' and k.relname = 'schema_state') as has_schema,
                    exists (
                        select from pg_class k join pg_namespace s on s.oid = k.relnamespace
                        where s.nspname = 'knocknoc' and k.relname = 'data_keys') as has_keys,
                    has_database_privilege(current_database(), 'create') or exists (
                        select from pg_namespace where nspname = 'knocknoc' and pg_has_role(nspowner, 'member')
                    ) as may_create
                """),
            Statement(
                """
                select n.nspname || '.' || c.relname as name
                from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname <> 'information_schema'
                    and (n.nspname <> 'knocknoc' or not exists (
                        select from pg_class k join pg_namespace s on s.oid = k.relnamespace
                        where s.nspname = 'knocknoc' and k.relname = 'schema_state'))
                    and left(n.nspname, 3) <> 'pg_'
                    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
                order by 1 limit 5
                """),
        ])
        guard let row = rows[0].first else { throw StoreError(.decoding, "the database said nothing of itself") }
        let name = try row.text("version")
        var facts = SiteFacts(
            serverVersion: String(name.prefix { $0 != " " }), database: try row.text("database"),
            login: try row.text("login"), schema: nil, foreignTables: try rows[1].map { try $0.text("name") },
            mayCreateSchema: try row.bool("may_create"), isProtected: url.isProtected, isVerified: url.isVerified,
            release: release)
        if try row.bool("has_schema") {
            let hasKeys = try row.bool("has_keys")
            facts.schema = try await schema(database, hasKeys: hasKeys)
        }
        return facts
    }

    private static func schema(_ database: PostgresDatabase, hasKeys: Bool) async throws -> SiteFacts.Schema? {
        let rows = try await database.run([
            Statement("select version, readable_from from schema_state where id = 1"), AdminTable.any(),
        ])
        guard let state = rows[0].first else { return nil }
        var schema = SiteFacts.Schema(
            version: Int(try state.integer("version")), readableFrom: Int(try state.integer("readable_from")),
            hasAdministrator: !rows[1].isEmpty, dataKey: .none)
        guard hasKeys, let key = try await database.run(DataKeyTable.one()).first else { return schema }
        if let check = try key.optional("check_value", key.blob) {
            schema.dataKey = .wrapped(checkValue: check)
        } else {
            schema.dataKey = .unwrapped
        }
        return schema
    }
}

extension DatabaseURL {
    private var parameters: [String] {
        let parts = location.split(separator: "?", maxSplits: 1)
        return parts.count == 2 ? parts[1].split(separator: "&").map(String.init) : []
    }

    private var mode: String {
        parameters.first { $0.hasPrefix("sslmode=") }.map { String($0.dropFirst(8)) } ?? "prefer"
    }

    /// Whether the URL makes sure that nobody on the way can read: by TLS, or since there is no way.
    var isProtected: Bool {
        ["require", "verify-ca", "verify-full"].contains(mode) || (try? isOnThisMachine) == true
    }

    /// Whether it makes sure that the server is the right one: by a certificate that an authority vouches for, by the
    /// verifier that only the server has, or since there is no way for another.
    var isVerified: Bool {
        mode == "verify-full" || parameters.contains("channel_binding=require") || (try? isOnThisMachine) == true
    }

    /// The same with TLS demanded, where the URL does without it.
    var demandingTLS: DatabaseURL? {
        guard ["disable", "allow"].contains(mode) else { return nil }
        let kept = parameters.filter { !$0.hasPrefix("sslmode=") } + ["sslmode=require"]
        return try? DatabaseURL(location.prefix { $0 != "?" } + "?" + kept.joined(separator: "&"))
    }
}
