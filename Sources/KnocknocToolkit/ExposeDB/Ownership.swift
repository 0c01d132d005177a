import KnocknocSystem

/// The rights in the site's database: one role without login owns the schema and all in it, whoever made it, so that
/// every member can migrate.
enum Ownership {
    /// What makes it so, inside a transaction; nothing changes where it is so.
    ///
    /// - Parameter user: the login of this machine's server, which has to stay able to.
    static func settling(database: String, user: String) throws -> String {
        let (owner, place) = (try SQLText.identifier(InstallLayout.owner), try SQLText.identifier(database))
        let (ownerText, userText) = (try SQLText.literal(InstallLayout.owner), try SQLText.literal(user))
        let schema = try SQLText.literal(InstallLayout.schema)
        let login = try SQLText.identifier(user)
        let body = """
            declare
                statement text;
            begin
                if not exists (select from pg_namespace where nspname = \(schema)) then
                    raise exception 'this database has no schema knocknoc: start the server once, or run knocknoc migrate';
                end if;
                if not exists (select from pg_roles where rolname = \(ownerText)) then
                    create role \(owner) nologin;
                end if;
                for statement in
                    select format('alter schema %I owner to %I', nspname, \(ownerText)) from pg_namespace
                    where nspname = \(schema) and pg_get_userbyid(nspowner) <> \(ownerText)
                    union all
                    select format('alter %s %s owner to %I',
                        case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                            when 'f' then 'foreign table' else 'table' end,
                        c.oid::regclass, \(ownerText))
                    from pg_class c
                    where relnamespace = \(schema)::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
                        and pg_get_userbyid(relowner) <> \(ownerText)
                        and not exists (
                            select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                                and d.deptype in ('a', 'i') and c.relkind = 'S')
                    union all
                    select format('alter routine %s owner to %I', p.oid::regprocedure, \(ownerText)) from pg_proc p
                    where pronamespace = \(schema)::regnamespace and pg_get_userbyid(proowner) <> \(ownerText)
                    union all
                    select format('alter type %s owner to %I', t.oid::regtype, \(ownerText)) from pg_type t
                    where typnamespace = \(schema)::regnamespace and pg_get_userbyid(typowner) <> \(ownerText)
                        and (typtype in ('e', 'd') or typtype = 'c' and exists (
                            select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
                loop
                    execute statement;
                end loop;
                if exists (select from pg_roles where rolname = \(userText) and not rolsuper) then
                    grant \(owner) to \(login);
                    alter role \(login) in database \(place) set role = \(owner);
                    alter role \(login) in database \(place) set search_path = \(InstallLayout.schema);
                end if;
            end
            """
        return "set local lock_timeout = '5s';\n" + SQLText.block(body)
    }

    /// Whether the schema is there and who owns it.
    static func owner(_ cluster: LocalCluster) async throws -> String? {
        struct Schema: Decodable { var owner: String }
        let rows: [Schema] = try await cluster.rows(
            """
            select pg_get_userbyid(nspowner) as owner from pg_namespace
            where nspname = \(try SQLText.literal(InstallLayout.schema))
            """)
        return rows.first?.owner
    }
}
