public import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
public import Logging
import NIOCore
import NIOPosix

/// The process beside a firewall: holds a link to a server, and does what it says as long as it may.
///
/// Stopping it leaves guards and members in the kernel, where every member ends on time by itself.
public struct Agent: Sendable {
    let configuration: AgentConfiguration
    let enforcer: any Enforcer
    let clocks: any Clocks
    let logger: Logger
    let allowLists: AllowListBoard?
    let recentLog: @Sendable (Int) -> [String]

    /// - Parameters:
    ///   - allowLists: what the enforcer puts its lists on, where `AllowListListen` is set.
    ///   - recentLog: at most so many of the last log lines, the oldest first; an administrator may ask for them.
    public init(
        configuration: AgentConfiguration, enforcer: any Enforcer, clocks: any Clocks, logger: Logger,
        allowLists: AllowListBoard? = nil, recentLog: @escaping @Sendable (Int) -> [String] = { _ in [] }
    ) {
        self.configuration = configuration
        self.enforcer = enforcer
        self.clocks = clocks
        self.logger = logger
        self.allowLists = allowLists
        self.recentLog = recentLog
    }

    /// Runs until the task is cancelled, which ends it in order: what is known goes to the file, the kernel stays.
    ///
    /// - Throws: ``AgentError`` where keys, trust or the health listener cannot be had.
    public func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        do {
            try await run(group: group, threads: threads)
        } catch {
            await Self.shutDown(group, threads)
            throw error
        }
        await Self.shutDown(group, threads)
    }

    private func run(group: MultiThreadedEventLoopGroup, threads: NIOThreadPool) async throws {
        let file = configuration.stateFile.map(StateFile.init(path:))
        if let file { FileText.makeFolder(of: file.path) }
        let keys = try KeyFile(path: configuration.keyFile).readOrMake()
        let mailbox = Mailbox()
        let servers = KnownServers(
            configured: configuration.servers, hosts: configuration.serverHosts,
            isPinned: !configuration.tlsFingerprints.isEmpty)
        let lists = listener(group)
        let board = HealthBoard(HealthReport(backend: configuration.backend.rawValue, version: AgentVersion.current))
        board.update { $0.fingerprint = keys.fingerprint }
        let memory = memory(file)
        let loop = AgentLoop(
            eventLoop: group.next(), configuration: configuration, enforcer: enforcer, clocks: clocks, keys: keys,
            machine: AgentMachine(state: memory.state, now: stamp, maxDuration: configuration.maxDuration),
            isBlind: memory.isDamaged, mailbox: mailbox, servers: servers,
            writer: file.map { StateWriter(file: $0, threads: threads) }, board: board, desk: lists?.desk,
            recentLog: recentLog, logger: logger)
        // Subscribed first, so that nothing that happens during the adoption goes unnoticed.
        let disturbances = enforcer.disturbances()
        // Nobody is said to be on a list that nobody can fetch.
        let listening = await lists?.open()
        await loop.adopt()
        let trust = try TLSTrust(caFile: configuration.tlsCAFile, fingerprints: configuration.tlsFingerprints)
        let client = LinkClient(
            group: group, token: configuration.token, trust: trust,
            userAgent: "knocknoc-agent/\(AgentVersion.current)", identity: configuration.identity)
        let dialer = Dialer(
            client: client, servers: servers, clocks: clocks, mailbox: mailbox, logger: logger)
        let health = try await listen(group, board)
        logger.info(
            "knocknoc-agent \(AgentVersion.current) enforces",
            metadata: [
                "backend": "\(configuration.backend.rawValue)", "entries": "\(board.read().entries)",
                "key": "\(keys.fingerprint)",
            ])
        await serve(loop, dialer, disturbances, mailbox, lists.map { ($0, listening ?? nil) })
        try? await health?.channel.close()
    }

    private func serve(
        _ loop: AgentLoop, _ dialer: Dialer, _ disturbances: AsyncStream<Disturbance>, _ mailbox: Mailbox,
        _ lists: (listener: AllowListListener, channel: (any Channel)?)?
    ) async {
        await withTaskGroup { tasks in
            tasks.addTask { await dialer.run() }
            tasks.addTask {
                for await disturbance in disturbances { mailbox.post(.disturbed(disturbance)) }
            }
            if let lists { tasks.addTask { await lists.listener.run(lists.channel) } }
            await withTaskCancellationHandler {
                await loop.run()
            } onCancel: {
                mailbox.post(.stop)
            }
            tasks.cancelAll()
        }
    }

    private var stamp: AgentStamp { AgentStamp(boot: clocks.bootID, time: clocks.boot()) }

    private static let withoutMemory =
        "until a server speaks nobody else is let in, what the kernel ends goes on time, and what scripts and access "
        + "lists of HAProxy have let in stays"

    /// What the file still grants now: nothing where there is none, or where it is damaged.
    private func memory(_ file: StateFile?) -> (state: AgentState?, isDamaged: Bool) {
        guard let file else { return (nil, false) }
        do throws(AgentError) {
            switch try file.read() {
            case .none: return (nil, false)
            case .state(let state):
                let synchronised = configuration.trustRTC || clocks.isSynchronised()
                let restored = state.restored(
                    now: stamp, wall: clocks.wall(), wallIsSynchronised: synchronised)
                if restored.entries.count < state.entries.count {
                    logger.warning(
                        "after a reboot the clock cannot be believed yet: closed until a server speaks",
                        metadata: ["entries": "\(state.entries.count)"])
                }
                return (restored, false)
            case .damaged(let reason, let target):
                logger.error(
                    "StateFile: \(file.path): \(reason); \(Self.withoutMemory)",
                    metadata: ["moved_to": "\(target ?? "nowhere: it cannot be moved")"])
                return (nil, true)
            }
        } catch {
            logger.error("StateFile: \(error.message); \(Self.withoutMemory)")
            return (nil, true)
        }
    }

    private func listener(_ group: any EventLoopGroup) -> AllowListListener? {
        guard let allowLists, let listen = configuration.allowListListen else { return nil }
        return AllowListListener(
            listen: listen, board: allowLists, desk: AllowListDesk(allowLists, clocks: clocks), group: group,
            clocks: clocks, logger: logger)
    }

    private func listen(_ group: any EventLoopGroup, _ board: HealthBoard) async throws(AgentError) -> HealthListener? {
        guard let listen = configuration.healthListen else { return nil }
        let listener = try await HealthListener.open(listen, group: group, board: board)
        logger.debug("health is answered", metadata: ["port": "\(listener.port ?? listen.port)"])
        return listener
    }

    private static func shutDown(_ group: MultiThreadedEventLoopGroup, _ threads: NIOThreadPool) async {
        try? await threads.shutdownGracefully()
        try? await group.shutdownGracefully()
    }
}
