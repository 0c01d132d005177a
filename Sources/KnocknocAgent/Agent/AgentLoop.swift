import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import Logging
import NIOCore

/// Takes input in order, asks the machine what follows, and does it. One task runs it, so nothing overlaps but steps of
/// different members in the kernel: cutting one's flows keeps nobody else waiting.
///
/// It runs on the link's own event loop: between a frame and the kernel lies one change of thread, not one for each call.
actor AgentLoop {
    static let checkInterval: Int64 = 60_000
    static let stampInterval: Int64 = 10_000
    /// Between two messages about who fetched lists.
    static let fetchInterval: Int64 = 60_000
    /// A jump of BOOTTIME against MONOTONIC by more milliseconds than this was a suspend.
    static let suspendJump: Int64 = 1000
    /// Milliseconds that an addition may wait for its write.
    static let lazyWrite: Int64 = 200

    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: any SerialExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let configuration: AgentConfiguration
    let enforcer: any Enforcer
    let clocks: any Clocks
    let keys: AgentKeys
    let mailbox: Mailbox
    let servers: KnownServers
    let writer: StateWriter?
    let board: HealthBoard
    let desk: AllowListDesk?
    let recentLog: @Sendable (Int) -> [String]
    let logger: Logger
    /// Made once for each running process.
    let instance: String

    var machine: AgentMachine
    /// The state file was damaged: until the server has said what is wanted, what kernel and maps of HAProxy have ends by
    /// times of their own, and what a script or an access list of HAProxy has let in stays, for nobody knows of it.
    var isBlind: Bool
    var link: (number: Int, link: Link)?
    var early: (number: Int, frames: [ByteBuffer])?
    var staleServers: Set<ServerURL> = []
    var targetFailures: [TargetID: String] = [:]
    var targetsKnown = 0
    /// How many targets are closed because no server speaks.
    private var lapsed = 0
    /// Whether the kernel has been made what the state says since the start.
    var isAdopted = false
    /// What this host's kernel cannot do.
    var limitations: [String: String] = [:]
    /// Of what this host enforces with.
    var versions: [String: String] = [:]

    /// Steps that the kernel was given, the oldest first; their results are taken in that order.
    var applying: [Applying] = []

    var nextHeartbeat: BootTime?
    var nextCheck: BootTime
    var nextStamp: BootTime
    var nextReconcile: BootTime?
    var nextFetches: BootTime
    var offset: Int64
    var timer: (due: BootTime, task: Task<Void, Never>)?

    var pendingTickets: [Int] = []
    var writeDue: BootTime?
    var writing = false

    init(
        eventLoop: any EventLoop, configuration: AgentConfiguration, enforcer: any Enforcer, clocks: any Clocks,
        keys: AgentKeys,
        machine: AgentMachine, isBlind: Bool = false, mailbox: Mailbox, servers: KnownServers,
        writer: StateWriter?, board: HealthBoard, desk: AllowListDesk?,
        recentLog: @escaping @Sendable (Int) -> [String], logger: Logger
    ) {
        self.eventLoop = eventLoop
        executor = eventLoop.executor
        self.configuration = configuration
        self.enforcer = enforcer
        self.clocks = clocks
        self.keys = keys
        self.machine = machine
        self.isBlind = isBlind
        self.mailbox = mailbox
        self.servers = servers
        servers.learn(machine.endpoints)
        self.writer = writer
        self.board = board
        self.desk = desk
        self.recentLog = recentLog
        self.logger = logger
        var generator = SystemRandomNumberGenerator()
        instance = String(generator.next(), radix: 36) + String(generator.next(), radix: 36)
        let now = clocks.boot()
        nextCheck = now.adding(milliseconds: Self.checkInterval)
        nextStamp = now.adding(milliseconds: Self.stampInterval)
        nextFetches = now.adding(milliseconds: Self.fetchInterval)
        offset = now.milliseconds - clocks.monotonic()
    }

    var stamp: AgentStamp { AgentStamp(boot: clocks.bootID, time: clocks.boot()) }

    /// Makes the kernel what the state says, before anybody is dialed.
    func adopt() async {
        if !isBlind {
            for effect in machine.reconcile(now: stamp) {
                if case .reconcile(_, let targets, _) = effect { note(await enforcer.define(targets)) }
                // What an earlier run has left uncut is among them, and nothing is confirmed before that is done.
                await perform([effect])
            }
        }
        isAdopted = true
        await perform(machine.tick(now: stamp))
        limitations = await enforcer.limitations()
        versions = await enforcer.versions()
        for (name, text) in limitations { logger.warning("\(text)", metadata: ["limitation": "\(name)"]) }
        report()
    }

    /// Runs until ``AgentInput/stop``.
    func run() async {
        arm()
        while true {
            for input in await mailbox.take() {
                if case .stop = input { return await end() }
                await handle(input)
            }
            writeIfDue()
            arm()
            report()
        }
    }

    /// Guards and members stay in the kernel; what is known goes to the file.
    private func end() async {
        // It runs on this loop, which may be shut down soon after.
        timer?.task.cancel()
        await timer?.task.value
        await settle()
        link?.link.close("the agent stops")
        guard let writer else { return }
        let state = machine.state(wall: clocks.wall(), now: stamp)
        let result = await writer.write(state, tickets: pendingTickets, on: eventLoop)
        if let error = result.error { logger.error("\(error.message)") }
    }

    /// Wakes the loop at the next moment that matters.
    private func arm() {
        // Read first: a moment between the two makes it early, never late.
        let start = clocks.monotonic()
        let now = clocks.boot()
        let moments = [nextHeartbeat, nextCheck, nextStamp, nextReconcile, machine.nextDeadline, writeDue]
        // A suspend is seen by looking: CLOCK_MONOTONIC timers stand still in it.
        let due = moments.compactMap { $0 }.reduce(now.adding(milliseconds: 1000), min)
        if let timer, timer.due <= due, timer.due > now { return }
        timer?.task.cancel()
        let moment = start + max(1, due.milliseconds(since: now))
        // Of this actor, so that setting it wakes no other thread.
        let task = Task { [self] in
            await clocks.sleep(until: moment)
            if !Task.isCancelled { mailbox.post(.tick) }
        }
        timer = (due, task)
    }

    private func report() {
        let connected = machine.isSynced
        if connected { link?.link.markSynced() }
        let failing = targetsKnown > 0 && targetFailures.count >= targetsKnown
        let reason = failing ? targetFailures.sorted { $0.key < $1.key }.first?.value : nil
        let entries = machine.members.count
        if machine.lapsed.count > lapsed {
            logger.warning(
                "no server has spoken for too long; closed what is not to be open without one",
                metadata: ["targets": "\(machine.lapsed.count)"])
        } else if machine.lapsed.isEmpty, lapsed > 0 {
            logger.notice("a server speaks again; what was closed without one is as the server wants it")
        }
        lapsed = machine.lapsed.count
        board.update { report in
            report.connected = connected
            report.entries = entries
            report.status = failing ? .failing : .ok
            report.reason = reason
        }
    }
}
