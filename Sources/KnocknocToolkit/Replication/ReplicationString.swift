import FoundationEssentials
import KnocknocModel
public import KnocknocSystem

/// What `knocker replica --allow` prints and `--init` asks for: where the primary is, and a login that may copy all of
/// it. One word without characters that shells or terminals change.
public struct ReplicationString: Codable, Hashable, Sendable {
    var host: String
    var port: Int
    var login: String
    var password: String
    /// The slot, and the name by which the primary knows the standby.
    var slot: String
    /// The site's database.
    var database: String

    private static let prefix = "knocknoc-replica-1."

    init(host: String, port: Int, login: String, password: String, slot: String, database: String) {
        self.host = host
        self.port = port
        self.login = login
        self.password = password
        self.slot = slot
        self.database = database
    }

    /// - Throws: ``SystemError`` `invalid`; its message never repeats the text.
    public init(_ text: String) throws(SystemError) {
        let text = text.filter { !$0.isWhitespace }
        let wrong = SystemError(
            .invalid,
            "that is no replication string: it is one word that begins with \(Self.prefix), which "
                + "\"knocker replica --allow\" prints on the primary")
        let word = text.dropFirst(Self.prefix.count).replacing("-", with: "+").replacing("_", with: "/")
        let padded = String(word) + String(repeating: "=", count: (4 - word.count % 4) % 4)
        guard text.hasPrefix(Self.prefix), let bytes = Data(base64Encoded: padded),
            let value = try? JSONText.decode(Self.self, from: bytes)
        else { throw wrong }
        self = value
    }

    /// Holds the password.
    public var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            // RFC 4648 §5 without padding.
            let word = try encoder.encode(self).base64EncodedString().replacing("+", with: "-").replacing(
                "/", with: "_")
            return Self.prefix + word.replacing("=", with: "")
        }
    }

    /// For libpq, without the password, which goes by the environment.
    func connection(_ further: [(String, String)] = []) -> String {
        let words =
            [
                ("host", host), ("port", "\(port)"), ("user", login), ("sslmode", "require"),
                ("channel_binding", "require"), ("connect_timeout", "5"), ("application_name", slot),
            ] + further
        return words.map { "\($0.0)=\(Self.quoted($0.1))" }.joined(separator: " ")
    }

    /// A value of a keyword/value string, by libpq's rules.
    static func quoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
