import KnocknocModel
import KnocknocServer
import KnocknocStore
import Logging
import ServiceLifecycle
import UnixSignals

/// One run of the server. Making it is what must happen while the process has a single thread.
struct ServePlan {
    private let options: ServeOptions
    private let settings: ServerSettings
    private let supervisor: Supervisor?
    private let mayChangeFirewall: Bool
    private let logger: Logger

    /// Reads the settings, starts the process that will keep the agent, and gives up the right to the firewall.
    init(_ options: ServeOptions) throws {
        self.options = options
        settings = try options.settings()
        logger = Logs.start(settings.logLevel)
        mayChangeFirewall = NetworkAdministration.isHeld
        supervisor = settings.allInOne && settings.agentBackend != .none ? try Supervisor.start() : nil
        if !NetworkAdministration.drop() {
            logger.warning("this process keeps rights that it does not need: the system refused to take them")
        }
        if NetworkAdministration.isRoot {
            logger.warning(
                """
                the server runs as root: it has given up CAP_NET_ADMIN, but root's own files would get it back; better \
                run it as a user of its own, with AmbientCapabilities=CAP_NET_ADMIN where it keeps an agent
                """)
        }
    }

    func run() async throws {
        if settings.databaseURL.hasPrefix("sqlite:") {
            try prepareDirectory()
            logger.notice("the database is a file", metadata: ["url": "\(settings.databaseURL)"])
        }
        let database = try DatabaseFactory.open(
            url: settings.databaseURL, listenURL: settings.listenURL, serverLock: true, logger: logger)
        let server = try Server(settings: settings, database: database, logger: logger)
        if supervisor != nil, settings.agentBackend == .automatic, !mayChangeFirewall {
            logger.warning(
                """
                this process may not change the firewall (it lacks CAP_NET_ADMIN; run it as root for that): the agent \
                makes dry runs and nothing is closed or opened
                """)
        }
        var services = server.services
        let gate = services.popLast()
        if let supervisor {
            services.append(
                EmbeddedAgent(
                    supervisor: supervisor, server: server, mayChangeFirewall: mayChangeFirewall, logger: logger))
        }
        if settings.sample {
            if supervisor == nil { logger.warning("--sample makes no Knoc: that needs the all-in-one's own agent") }
            services.append(SampleService(logger: logger))
        }
        services.append(Welcome(server: server, logger: logger))
        services.append(Reload(options: options, server: server, logger: logger))
        if let gate { services.append(gate) }
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(settings.drainSeconds + 10)
        try await ServiceGroup(configuration: configuration).run()
    }

    private func prepareDirectory() throws {
        let path = settings.databaseURL.dropFirst("sqlite://".count)
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try Server.makePrivateDirectory(String(path[..<slash]))
        }
        if supervisor != nil { try Server.makePrivateDirectory(settings.dataDirectory + "/agent") }
    }
}
