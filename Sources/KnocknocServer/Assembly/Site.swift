import KnocknocAccess
import KnocknocModel
import KnocknocStore
import Logging

/// What every handler works with.
final class Site: Sendable {
    let settings: ServerSettings
    let access: Access
    let database: any Database
    let live: LiveSettings
    let phase: ServerPhase
    let assets: AssetStore
    let renderer: Renderer
    let hosts: HostRule
    let headers: SecurityHeaders
    let routes = RouteTable()
    /// The agent's packages; nil where none are handed out.
    let packages: PackageFolder?
    let logger: Logger

    init(
        settings: ServerSettings, access: Access, phase: ServerPhase, live: LiveSettings, logger: Logger
    ) throws {
        self.settings = settings
        self.access = access
        database = access.database
        self.phase = phase
        self.live = live
        self.logger = logger
        assets = AssetStore()
        renderer = try Renderer()
        hosts = HostRule(settings)
        packages = settings.downloadDirectory.map(PackageFolder.init)
        headers = SecurityHeaders(probes: settings.probeURLs)
    }

    /// Whether pages show that passwords and sessions travel in the clear.
    func showsInsecureBanner(_ context: KnocknocRequestContext) -> Bool {
        settings.insecureHTTP && !context.https && context.clientAddress?.isLoopback != true
    }
}
