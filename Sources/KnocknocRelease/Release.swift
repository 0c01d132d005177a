/// What this build is, for everything that runs beside builds of other releases.
public enum Release {
    /// The name of the release, as commands, logs, agents and `knocker cluster` show it.
    public static let version = following?.version ?? "0.1.0"

    /// The versions of the agents' protocol that it speaks.
    public static let protocols = 1...(following?.protocolVersion ?? 1)

    /// Migrations beside those compiled in, by path, such as `postgres/0004_name.sql`; none but in
    /// ``FollowingRelease``.
    public static var furtherMigrations: [String: String] { following?.migrations ?? [:] }

    #if DEBUG
        private static let following = FollowingRelease.beside(executable: "/proc/self/exe")
    #else
        private static var following: FollowingRelease? { nil }
    #endif
}
