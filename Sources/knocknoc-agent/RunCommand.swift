import ArgumentParser
import KnocknocAgent
import KnocknocEnforcement
import KnocknocLogging
import KnocknocModel
import Logging
import UnixSignals

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Keeps a link to a server and enforces what it says.")

    @OptionGroup var options: SettingsOptions
    @Flag(help: "Ends when standard input ends; for a process that supervises this one.")
    var supervised = false

    func run() async throws {
        let configuration = try AgentConfiguration(
            settings: options.settings(), readToken: SettingsLayers.readToken)
        let logger = Self.logger(configuration)
        warn(configuration, logger)
        let lists = configuration.allowListListen.map { _ in AllowListBoard() }
        let agent = Agent(
            configuration: configuration, enforcer: try await Backends.enforcer(configuration, lists, logger),
            clocks: try SystemClocks(), logger: logger, allowLists: lists,
            recentLog: { LogfmtHandler.recent($0) })
        try await untilStopped { try await agent.run() }
    }

    /// Cancels what runs at SIGTERM, SIGINT or the supervisor's end, and waits for its own end.
    private func untilStopped(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup { group in
            group.addTask { try await body() }
            group.addTask { for await _ in signals { return } }
            if supervised { group.addTask { await SupervisorPipe.ended() } }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func logger(_ configuration: AgentConfiguration) -> Logger {
        LogfmtHandler.setLevel(configuration.logLevel)
        LogfmtHandler.keep(lines: 200)
        LoggingSystem.bootstrap { LogfmtHandler(label: $0) }
        return Logger(label: "knocknoc-agent")
    }

    private func warn(_ configuration: AgentConfiguration, _ logger: Logger) {
        let secrets = [options.config ?? AgentConfiguration.standardFile, configuration.keyFile]
        for path in AgentConfiguration.exposed(secrets) {
            logger.warning("\(path) can be read by others on this machine; chmod 600 it if it holds the token or keys")
        }
        if let listen = configuration.allowListListen, IPAddress(listen.host)?.isLoopback != true {
            logger.warning("AllowListListen: lists and the keys for them go to \(listen.host) in the clear")
        }
        for server in configuration.servers where !server.secure && !server.isLoopback {
            logger.warning("InsecureHTTP: the token and every address go to \(server) in the clear")
        }
    }
}
