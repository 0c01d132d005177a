import KnocknocModel
import KnocknocStore
public import KnocknocSystem

/// `knocker replica`: a second machine that has all that the primary has, by streaming replication over TLS.
public struct Replica: Sendable {
    public struct Options: Sendable {
        /// The database, instead of the one in the configuration file.
        public var connection: String?
        public var configuration: String?
        /// The name or address by which the others reach this machine.
        public var advertise: String?
        /// A new string for a standby that has one.
        public var isRenewed = false
        public var isForced = false

        public init() {}
    }

    /// What was done.
    public struct Outcome: Sendable {
        public var changed = false
        /// Holds a password; shown once.
        public var replicationString: String?
        /// For people.
        public var lines: [String] = []
    }

    let layout: InstallLayout
    let options: Options
    let console: any Console

    public init(layout: InstallLayout = InstallLayout(), options: Options, console: any Console) {
        self.layout = layout
        self.options = options
        self.console = console
    }

    /// What replication logins are members of.
    static let role = "knocknoc_replicas"

    /// Slot, login and name of the standby at this address.
    static func name(of host: IPAddress) -> String {
        "knocknoc_replica_" + host.description.map { $0.isHexDigit ? String($0) : "_" }.joined()
    }

    func site() async throws -> ExposedSite {
        try Superuser.require("changes PostgreSQL's settings and files")
        var exposing = ExposeDB.Options()
        exposing.connection = options.connection
        exposing.configuration = options.configuration
        let site = try await ExposedSite.find(layout, exposing)
        guard try !Patroni.keeps(site.cluster) else { throw Self.patroni(site.cluster) }
        try Promotion.refuseUnderWay(site.cluster)
        return site
    }

    static func patroni(_ cluster: LocalCluster) -> SystemError {
        SystemError(
            .invalid,
            "Patroni keeps \(cluster.name): it makes standbys and promotes by itself. See patronictl list, and "
                + "patronictl switchover to move the primary")
    }

    /// Where the others reach this machine.
    func ownHost() throws -> String {
        guard let host = options.advertise ?? OwnAddresses.outward()?.description else {
            throw SystemError(
                .invalid, "this machine has no address but loopback; say with --advertise how the others reach it")
        }
        return host
    }
}
