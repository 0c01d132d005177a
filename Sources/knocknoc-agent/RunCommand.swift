import ArgumentParser
import KnocknocAgent
import KnocknocEnforcement
import KnocknocModel
import Logging
import ServiceLifecycle
import UnixSignals

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Keeps a link to a server and enforces what it says.")

    @OptionGroup var options: SettingsOptions
    @Flag(help: "Ends when standard input ends; for a process that supervises this one.")
    var supervised = false

    func run() async throws {
        let configuration = try AgentConfiguration(
            settings: options.settings(), readToken: AgentConfiguration.readToken)
        let logger = Self.logger(configuration)
        warn(configuration, logger)
        let agent = Agent(
            configuration: configuration, enforcer: try await Backends.enforcer(configuration, logger),
            clocks: try SystemClocks(), logger: logger)
        var services = [
            ServiceGroupConfiguration.ServiceConfiguration(
                service: agent, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .cancelGroup)
        ]
        if supervised {
            services.append(
                .init(service: SupervisorPipe(), successTerminationBehavior: .gracefullyShutdownGroup))
        }
        let group = ServiceGroup(
            configuration: .init(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private static func logger(_ configuration: AgentConfiguration) -> Logger {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "knocknoc-agent")
        logger.logLevel = configuration.logLevel
        return logger
    }

    private func warn(_ configuration: AgentConfiguration, _ logger: Logger) {
        let secrets = [options.config ?? AgentConfiguration.standardFile, configuration.keyFile]
        for path in AgentConfiguration.exposed(secrets) {
            logger.warning("\(path) can be read by others on this machine; chmod 600 it if it holds the token or keys")
        }
        for server in configuration.servers where !server.secure && !server.isLoopback {
            logger.warning("InsecureHTTP: the token and every address go to \(server) in the clear")
        }
    }
}
