public import KnocknocIdentity
import KnocknocModel
public import KnocknocStore
public import Logging
import Synchronization

/// Every use case of the site: sign-in, sessions, grants, administration and what agents report.
/// One use case is one function and one transaction; nobody else writes to the database.
public final class Access: Sendable {
    public let database: any Database
    let hasher: PasswordHasher
    let node: String
    let options: AccessOptions
    let logger: Logger
    let seen = LastSeen()
    let seenAddresses = SeenAddresses()
    /// When this node last ended what had expired, by the database's clock.
    let lastSweep = Mutex<Timestamp?>(nil)
    let lanes = GrantLanes()
    /// What this node's own commits changed of agents' streams.
    public let steps = StepFeed()
    let dataKeys = DataKeyHolder()
    let liveURLs = Mutex<[String]>([])
    let allowLists = AllowListCache()
    let allowListChecks = SharedReads<AllowListCheck, Row?>()
    let fetches = FetchLog()
    let pauses = AuditPauses()
    let zoneWatch = ZoneWatch()

    /// - Parameter node: this web node's name, for the audit.
    public init(
        database: any Database, hasher: PasswordHasher, node: String, options: AccessOptions = AccessOptions(),
        logger: Logger
    ) {
        self.database = database
        self.hasher = hasher
        self.node = node
        self.options = options
        self.logger = logger
    }
}
