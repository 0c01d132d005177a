import CLibpq

/// OIDs of built-in types (pg_type.dat), which never change.
enum PostgresType {
    static let unknown: Oid = 0
    static let boolean: Oid = 16
    static let bytea: Oid = 17
    static let bigint: Oid = 20
    static let smallint: Oid = 21
    static let integer: Oid = 23
    static let text: Oid = 25
    static let oid: Oid = 26
    static let void: Oid = 2278
    /// text, "char", name, bpchar, varchar, unknown, json.
    static let texts: Set<Oid> = [25, 18, 19, 1042, 1043, 705, 114]
}
