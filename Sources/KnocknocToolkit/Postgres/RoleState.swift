import KnocknocSystem

/// A role's password and comment, so that a change of them can be undone.
struct RoleState: Decodable, Sendable {
    var name: String
    /// The verifier, never the password; nil where it has none.
    var verifier: String?
    var comment: String?

    /// - Returns: nil where there is no such role.
    static func read(_ name: String, _ cluster: LocalCluster) async throws -> RoleState? {
        let found: [RoleState] = try await cluster.rows(
            """
            select rolname as name, rolpassword as verifier, shobj_description(oid, 'pg_authid') as comment
            from pg_authid where rolname = \(try SQLText.literal(name))
            """)
        return found.first
    }

    /// Puts password and comment back.
    func restore(_ cluster: LocalCluster) async throws {
        let role = try SQLText.identifier(name)
        let password = try verifier.map { text in try SQLText.literal(text) } ?? "null"
        let note = try comment.map { text in try SQLText.literal(text) } ?? "null"
        try await cluster.run(
            """
            \(SQLText.quiet)
            begin;
            alter role \(role) password \(password);
            comment on role \(role) is \(note);
            commit;
            """)
    }
}
