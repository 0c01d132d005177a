import FoundationEssentials
import Hummingbird
import HummingbirdCore
public import KnocknocAccess
import KnocknocHub
public import KnocknocIdentity
import KnocknocModel
public import KnocknocStore
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle

/// One web node: the pages, the API and the agents' links over one database.
public final class Server: Sendable {
    public let settings: ServerSettings
    public let access: Access
    /// What to run, in the order of starting; stopped in reverse.
    public let services: [any Service]
    /// SHA-256 of the certificate that we began with, in lower-case hexadecimal; nil without TLS.
    public let fingerprint: String?

    let routes: RouteTable
    let phase: ServerPhase
    let live: LiveSettings
    private let tls: TLSContexts?
    private let way: DatabaseSwitch
    private let port: Once<Int>

    /// - Parameter hasher: shared by everything in the process, since it bounds the memory that hashes take.
    /// - Throws: ``ServerError`` where certificate, directory or templates cannot be used.
    public init(
        settings: ServerSettings, database: any DatabaseService, hasher: PasswordHasher = PasswordHasher(),
        logger: Logger
    ) throws {
        let phase = ServerPhase()
        let port = Once<Int>()
        let node = try WebNode(
            name: settings.nodeName, version: Self.version, engine: database.engine, zone: settings.zone,
            agentURL: settings.allowAgents ? settings.agentURL.map { "\($0)" } : nil)
        let (tls, fingerprint, pin) = try Self.certificate(settings)
        let live = LiveSettings(settings, fingerprint: fingerprint, pin: pin)
        var options = AccessOptions()
        options.allInOne = settings.allInOne
        options.trustedForwarders = { live.addressRule.trustedForwarders }
        options.keyIdleSeconds = settings.apiTokenIdleDays.map { Int64($0) * 86_400 }
        options.agentTokens = settings.agentTokens
        let access = Access(
            database: database, hasher: hasher, node: settings.nodeName, options: options, logger: logger)
        let site = try Site(settings: settings, access: access, phase: phase, live: live, logger: logger)
        let way = DatabaseSwitch(
            settings.way, logger: logger, events: { database.events() }, look: { try await SiteHistory.of(database) },
            redirect: { try database.redirect(to: $0.url, listenURL: $0.listenURL) })
        var hubOptions = HubOptions()
        hubOptions.version = Self.version
        let hub = Hub(
            directory: AgentDirectory(access: access, database: database), node: settings.nodeName,
            options: hubOptions, logger: logger)
        let links = LinkEndpoint(
            isOpen: settings.allowAgents,
            client: { peer, lines in
                switch live.addressRule.decide(peer: peer, forwardedFor: lines) {
                case .address(let address): address
                case .refused(let address, _, _): address
                }
            },
            authenticate: { token, caller in
                guard phase.value == .ready else { return .unavailable }
                do {
                    guard let holder = try await access.admit(token: token, caller) else { return .unknown }
                    return .holder(holder)
                } catch { return .unavailable }
            },
            serve: { socket, holder, host, caller in
                await hub.serve(
                    socket, agent: holder.agent, isRevoked: holder.isRevoked, host: host, from: caller.address,
                    token: holder.token)
            })
        let patience = TimeAmount.seconds(settings.drainSeconds > 0 ? 1 : 0)
        let application = Application(
            router: site.router(),
            server: HTTPServerBuilder { WebChannel(responder: $0, tls: tls, links: links, patience: patience) },
            configuration: .init(address: .hostname(settings.listen.host, port: settings.listen.port)),
            onServerRunning: { channel in port.set(channel.localAddress?.port ?? settings.listen.port) },
            eventLoopGroupProvider: .singleton, logger: logger)
        self.settings = settings
        self.access = access
        routes = site.routes
        self.phase = phase
        self.live = live
        self.tls = tls
        self.way = way
        self.port = port
        self.fingerprint = fingerprint
        services = [
            DatabaseRunner(database: database),
            way,
            AfterReady(phase: phase, service: Sweeper(access: access)),
            AfterReady(phase: phase, service: FetchRecorder(access: access)),
            AfterReady(phase: phase, service: NodePresence(access: access, node: node)),
            HTTPService(application: application, listen: settings.listen, phase: phase),
            AfterReady(phase: phase, service: hub),
            Preparation(
                database: database, access: access, way: way, keyProtection: settings.keyProtection, node: node,
                declared: settings.declaredAgents, phase: phase, logger: logger),
            DrainGate(phase: phase, seconds: settings.drainSeconds, logger: logger),
        ]
    }

    /// The port listened on.
    ///
    /// - Returns: nil where the task was cancelled first.
    public func boundPort() async -> Int? { await port.wait() }

    /// Returns once the schema is migrated and requests are answered.
    ///
    /// - Returns: false where the task was cancelled first.
    public func waitUntilReady() async -> Bool { await phase.waitUntilReady() }

    /// Takes over what a reload may change: trusted forwarders and the certificate's files now, and the way to the
    /// database once it has been tried.
    ///
    /// - Throws: ``ServerError`` or ``StoreError``; everything stays as it was.
    public func reload(_ settings: ServerSettings) throws {
        try way.check(settings.way)
        var hasNewCertificate = false
        if let tls, case .files(let certificate, let key) = settings.tls {
            do {
                try tls.reload(CertificateFiles(certificate: certificate, key: key))
                hasNewCertificate = true
            } catch {
                throw ServerError(.certificate, "cannot use \(certificate) with \(key): \(error)")
            }
        }
        live.apply(settings, hasNewCertificate: hasNewCertificate)
        way.follow(settings.way)
    }

    private static func certificate(_ settings: ServerSettings) throws -> (TLSContexts?, String?, pin: String?) {
        let files: CertificateFiles
        switch settings.tls {
        case .none: return (nil, nil, nil)
        case .files(let certificate, let key): files = CertificateFiles(certificate: certificate, key: key)
        case .selfSigned(let names):
            try PrivateFile.makeDirectory(settings.dataDirectory)
            files = try ServerCertificate.files(in: settings.dataDirectory, names: names)
        }
        do {
            return (
                try TLSContexts(files), try ServerCertificate.fingerprint(of: files.certificate),
                try ServerCertificate.pin(of: files.certificate)
            )
        } catch {
            throw ServerError(
                .certificate, "cannot use the certificate \(files.certificate) with the key \(files.key): \(error)")
        }
    }
}
