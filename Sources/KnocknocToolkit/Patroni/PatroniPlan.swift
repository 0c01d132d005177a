public import KnocknocModel
public import KnocknocSystem

/// Hosts that keep one Postgres between them: Patroni decides by etcd who is primary, and a commit waits for a second
/// host, so that none that was acknowledged is lost with the first.
public struct PatroniPlan: Sendable {
    /// One host.
    public struct Member: Hashable, Sendable {
        public var name: String
        public var address: IPAddress
        public var folders: Folders
        public var ports: Ports

        public init(name: String, address: IPAddress, folders: Folders, ports: Ports = Ports()) {
            self.name = name
            self.address = address
            self.folders = folders
            self.ports = ports
        }
    }

    /// Where a host listens.
    public struct Ports: Hashable, Sendable {
        public var postgres = 5432
        public var patroni = 8008
        public var etcdClients = 2379
        public var etcdPeers = 2380

        public init() {}
    }

    /// Where things are on a host; the defaults are Debian's.
    public struct Folders: Hashable, Sendable {
        public var data: String
        public var settings: String
        public var programs: String
        public var sockets = "/var/run/postgresql"
        /// Patroni's own file, certificates and passwords.
        public var patroni = "/etc/patroni"
        public var etcd = "/etc/etcd"
        public var etcdData = "/var/lib/etcd/knocknoc"

        public init(version: Int) {
            data = "/var/lib/postgresql/\(version)/main"
            settings = "/etc/postgresql/\(version)/main"
            programs = "/usr/lib/postgresql/\(version)/bin"
        }
    }

    /// Random words that the hosts share.
    public struct Secrets: Sendable {
        public var replication: String
        public var rewind: String
        public var patroni: String
        public var etcdToken: String

        public static func random() -> Secrets { Secrets { ConnectionString.newPassword() } }

        /// - Parameter random: makes a word of letters, digits, `-` and `_`.
        public init(random: () -> String) {
            replication = random()
            rewind = random()
            patroni = random()
            etcdToken = random()
        }
    }

    /// Patroni's and etcd's name for the whole.
    public var scope = "knocknoc"
    public var members: [Member]
    /// From where web nodes reach the database.
    public var allowed: [CIDR]
    public var secrets: Secrets
    /// Seconds; how long a primary that is cut off keeps its place. Patroni takes no less than 20.
    public var leaseSeconds = 20

    /// - Throws: ``SystemError`` `invalid` where so few hosts or names or addresses given twice cannot elect anybody.
    public init(members: [Member], allowed: [CIDR], secrets: Secrets) throws(SystemError) {
        guard members.count >= 3, members.count % 2 == 1 else {
            throw SystemError(
                .invalid,
                "a Patroni cluster needs 3 hosts, or 5: a majority must be left when one is lost; \(members.count) given"
            )
        }
        let listeners = members.map { "\($0.address) \($0.ports.postgres)" }
        guard Set(members.map(\.name)).count == members.count, Set(listeners).count == members.count else {
            throw SystemError(.invalid, "two hosts of the cluster have the same name or address")
        }
        self.members = members
        self.allowed = allowed
        self.secrets = secrets
    }

    /// The hosts of a `DatabaseURL`, in its own form.
    public var urlHosts: String {
        members.map { "\(Self.inURL($0.address)):\($0.ports.postgres)" }.joined(separator: ",")
    }

    /// The line for every web node, login and password left to be filled in.
    public var databaseURL: String {
        "postgres://LOGIN:PASSWORD@\(urlHosts)/knocknoc?sslmode=require&channel_binding=require"
    }

    static func inURL(_ address: IPAddress) -> String { address.family == .v6 ? "[\(address)]" : "\(address)" }

    static let replicator = "knocknoc_replicator"
    static let rewinder = "knocknoc_rewind"
}
