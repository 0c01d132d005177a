/// Where a packaged server keeps its things: what the package, the installer and `knocker` agree on.
public struct InstallLayout: Sendable {
    /// Put before every path; empty on a real machine, a folder in tests and while an image is built.
    public var root: String

    public init(root: String = "") { self.root = root }

    /// The server's settings; root's, readable by the server's group.
    public var configuration: String { root + "/opt/knocknoc/etc/knocknoc.conf" }
    /// Wraps the data key; root's alone, handed to the service by systemd.
    public var encryptionKey: String { root + "/opt/knocknoc/etc/encryption.key" }
    /// A self-signed certificate and its key, and those that `knocker haproxy` makes.
    public var certificates: String { root + "/opt/knocknoc/etc/tls" }
    /// What the server keeps in embedded mode.
    public var data: String { root + "/var/lib/knocknoc" }
    /// Where Debian keeps the data of PostgreSQL's clusters, as VERSION/NAME.
    var clusters: String { root + "/var/lib/postgresql" }

    /// The system user and group that the server runs as.
    public static let user = "knocknoc"
    /// The server's unit.
    public static let unit = "knocknoc.service"
    /// The name under which systemd hands the encryption key to the service.
    public static let credential = "encryption-key"
    /// The role without login that owns the schema, and the schema.
    public static let owner = "knocknoc_owner"
    public static let schema = "knocknoc"
}
