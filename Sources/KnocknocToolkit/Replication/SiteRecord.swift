import KnocknocModel
import KnocknocSystem

/// What a promoted standby has to know of the primary that is gone: it is kept as settings of the database itself, so
/// that it is replicated with it.
struct SiteRecord: Hashable, Sendable {
    /// From where web nodes use the database.
    var allowed: [CIDR] = []
    /// The standby that every commit has waited for; nil where none has.
    var synchronous: String?

    private static let allowedName = "knocknoc.allow_list"
    private static let synchronousName = "knocknoc.synchronous_standby"

    static func read(_ cluster: LocalCluster) async throws -> SiteRecord {
        struct Line: Decodable { var text: String }
        let lines: [Line] = try await cluster.rows(
            """
            select unnest(s.setconfig) as text from pg_db_role_setting s
            join pg_database d on d.oid = s.setdatabase
            where d.datname = current_database() and s.setrole = 0
            """)
        var record = SiteRecord()
        for line in lines {
            guard let equals = line.text.firstIndex(of: "=") else { continue }
            let value = line.text[line.text.index(after: equals)...]
            switch line.text[..<equals] {
            case allowedName: record.allowed = value.split(separator: " ").compactMap { try? CIDR(parsing: String($0)) }
            case synchronousName: record.synchronous = value.isEmpty ? nil : String(value)
            default: break
            }
        }
        return record
    }

    /// Whether a standby has it is not waited for; one that is away learns of it when it is back.
    static func note(allowed: [CIDR], _ cluster: LocalCluster) async throws {
        try await set(allowedName, allowed.map(\.description).joined(separator: " "), cluster)
    }

    /// - Parameter waits: whether it is only said once the synchronous standby has it.
    static func note(synchronous: String?, _ cluster: LocalCluster, waits: Bool = false) async throws {
        try await set(synchronousName, synchronous ?? "", cluster, waits: waits)
    }

    private static func set(
        _ name: String, _ value: String, _ cluster: LocalCluster, waits: Bool = false
    ) async throws {
        let place = try SQLText.identifier(cluster.database)
        let action = value.isEmpty ? "reset \(name)" : "set \(name) = \(try SQLText.literal(value))"
        try await cluster.run("set synchronous_commit = \(waits ? "on" : "local"); alter database \(place) \(action);")
    }
}
