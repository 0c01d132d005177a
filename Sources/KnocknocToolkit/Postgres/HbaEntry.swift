import KnocknocModel
import KnocknocSystem

/// One line of ours: who may come from where, over TLS and with SCRAM only.
struct HbaEntry: Hashable, Sendable {
    var database: String
    /// Whose members may sign in.
    var role: String
    var network: CIDR
    /// Whether it is about copying the whole cluster, which to pg_hba.conf is no database.
    private(set) var isReplication = false

    var line: String {
        "hostssl \(isReplication ? database : Self.quoted(database)) +\(role) \(network) scram-sha-256"
    }

    init(database: String, role: String, network: CIDR) {
        self.database = database
        self.role = role
        self.network = network
    }

    /// For standbys.
    init(replicationBy role: String, network: CIDR) {
        self.init(database: "replication", role: role, network: network)
        isReplication = true
    }

    /// - Returns: nil where the line is not of our form.
    init?(_ line: HbaText.Line) {
        let fields = line.fields
        guard fields.count == 5, fields.allSatisfy({ $0.count == 1 }), fields[0][0].isKeyword("hostssl"),
            fields[4][0].isKeyword("scram-sha-256"), !fields[2][0].isQuoted, fields[2][0].bytes.first == 43,
            let network = try? CIDR(parsing: fields[3][0].text)
        else { return nil }
        self.init(
            database: fields[1][0].text, role: String(fields[2][0].text.dropFirst()), network: network)
        isReplication = fields[1][0].isKeyword("replication")
        // What would be written otherwise, such as the keyword "all", is somebody else's.
        let own = HbaText(Array(self.line.utf8), continues: false).lines.first?.fields
        guard own == fields else { return nil }
    }

    /// - Throws: ``SystemError`` `invalid` where pg_hba.conf cannot name this database.
    static func check(_ database: String) throws(SystemError) {
        guard !database.isEmpty, !database.hasPrefix("/"), database.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            throw SystemError(.invalid, "pg_hba.conf cannot name a database called \"\(database)\"")
        }
    }

    private static let keywords: Set<String> = ["all", "sameuser", "samerole", "samegroup", "replication"]

    static func quoted(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
        }
        guard !isPlain || keywords.contains(name) else { return name }
        return "\"" + name.replacing("\"", with: "\"\"") + "\""
    }
}
