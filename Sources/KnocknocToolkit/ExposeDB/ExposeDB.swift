public import KnocknocModel
import KnocknocStore
public import KnocknocSystem

/// `knocker exposedb`: lets other web nodes use the Postgres of this machine, from listed addresses, over TLS, with a
/// login of their own.
public struct ExposeDB: Sendable {
    public enum Action: Hashable, Sendable {
        case initialize
        case add([CIDR])
        case remove([CIDR])
        case list
        case status
        case disable
        case rotatePassword
    }

    public struct Options: Sendable {
        /// The database, instead of the one in the configuration file.
        public var connection: String?
        public var configuration: String?
        public var listen: ListenTarget?
        /// The name or address by which the other nodes reach this machine.
        public var advertise: String?
        /// A string without TLS, channel binding and the site's key.
        public var isPlain = false
        public var isForced = false
        /// Another password for the newest login.
        public var isRenewed = false
        /// Says what would be done, and does nothing.
        public var isDryRun = false

        public init() {}
    }

    let layout: InstallLayout
    let options: Options
    let console: any Console

    public init(layout: InstallLayout = InstallLayout(), options: Options, console: any Console) {
        self.layout = layout
        self.options = options
        self.console = console
    }

    /// Does what is asked.
    ///
    /// - Throws: ``SystemError``; what was begun is undone then.
    public func run(_ action: Action) async throws -> Outcome {
        if case .add(let networks) = action {
            for network in networks {
                if let refusal = Self.refusal(of: network, isForced: options.isForced) {
                    throw SystemError(.invalid, refusal)
                }
            }
        }
        try Superuser.require("reads and changes PostgreSQL's files")
        let site = try await ExposedSite.find(layout, options)
        let lock = SystemFile(site.cluster.facts.hbaFile)
        switch action {
        case .list: return try await list(site)
        case .status: return try await status(site)
        default: break
        }
        return try await lock.locked {
            guard try !Patroni.keeps(site.cluster) else { return try await advise(action, site) }
            try Promotion.refuseUnderWay(site.cluster)
            switch action {
            case .initialize: return try await initialize(site)
            case .add(let networks): return try await add(networks, site)
            case .remove(let networks): return try await remove(networks, site)
            case .disable: return try await disable(site)
            default: return try await rotatePassword(site)
            }
        }
    }

    /// Notes that the string of an outcome was shown. Until then the next `--rotate-password` makes another.
    public func shown(_ outcome: Outcome) async throws {
        guard let login = outcome.newLogin else { return }
        try await Interruption.held {
            let site = try await ExposedSite.find(layout, options)
            try await site.cluster.run(NodeLogin.showing(login, database: site.database))
        }
    }

    /// Why a network may not be allowed; nil where it may.
    public static func refusal(of network: CIDR, isForced: Bool) -> String? {
        guard network.length == 0, !isForced else { return nil }
        return "\(network) would let everybody try passwords on the database; list your web nodes, or give --force"
    }
}
