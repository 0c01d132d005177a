public import KnocknocModel
import KnocknocMoments
import KnocknocProtocol
public import Logging
public import ServiceLifecycle
import Synchronization

/// The server's end of all agents' links on this node: who is linked, what wakes them, what they report.
public final class Hub: Service {
    let directory: any LinkDirectory
    let node: String
    let options: HubOptions
    let logger: Logger
    let registry = LinkRegistry()
    let turnstile: Turnstile
    let recorder: ReportRecorder
    let fetches: FetchReports
    let pings = PingBoard()
    /// Pings that were asked for in the store and are on their way.
    let asked = Mutex<Set<PingID>>([])
    private let draining = Mutex(false)
    let told: Mutex<ServerMessage.Nodes>

    /// - Parameter node: this web node's name, as agents and administrators see it.
    public init(directory: any LinkDirectory, node: String, options: HubOptions = HubOptions(), logger: Logger) {
        self.directory = directory
        self.node = node
        self.options = options
        self.logger = logger
        turnstile = Turnstile(places: options.greetings)
        recorder = ReportRecorder(directory: directory, logger: logger)
        fetches = FetchReports(directory: directory, logger: logger)
        told = Mutex(.init(endpoints: directory.endpoints(), spread: 0))
        directory.onStep { [registry] agent, step in
            guard let link = registry[agent] else { return }
            Moment.reach(.hintSeen)
            link.put(.stepped(step))
        }
    }

    /// Works until the task is cancelled or a graceful shutdown begins, then says bye to every agent.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.recorder.run() }
                group.addTask { await self.fetches.run() }
                group.addTask { await self.follow() }
                // By itself, since it must not wait for a database that does not answer.
                group.addTask { await self.repeatedly(every: self.options.comparison) { self.watch() } }
                group.addTask { await self.repeatedly(every: self.options.comparison) { await self.compare() } }
                group.addTask { await self.repeatedly(every: self.options.presence) { await self.notePresence() } }
                await group.waitForAll()
            }
        }
        drain()
        await fetches.finish()
    }

    /// The agents that are linked to this node.
    public var agents: [AgentID] { registry.all.map(\.agent) }

    /// Says bye to every agent and refuses links from now on.
    public func drain() {
        draining.withLock { $0 = true }
        for link in registry.all { link.put(.close(.draining, "this node is stopping")) }
    }

    /// Why no link is taken now, nil where one is.
    var refusal: (code: ServerMessage.Bye.Code, text: String)? {
        if draining.withLock({ $0 }) { return (.draining, "this node is stopping") }
        if directory.databaseAge() > options.databaseSilence { return (.noDatabase, "this node has no database now") }
        return nil
    }

    // MARK: What wakes links

    private func follow() async {
        for await change in directory.changes() { await apply(change) }
    }

    func apply(_ change: LinkChange) async {
        switch change {
        case .agents(let agents):
            for link in agents.compactMap({ registry[$0] }) {
                Moment.reach(.hintSeen)
                link.put(.wake)
            }
        case .pings(let agents): if agents.contains(where: { registry[$0] != nil }) { await answerPings() }
        case .everything:
            await compare(registry.all)
            await answerPings()
        case .reconnected: for link in registry.all { link.put(.reconnected) }
        }
    }

    /// Compares every link with the store; the truth where a hint was lost.
    func compare(now: ContinuousClock.Instant = .now) async {
        guard watch(now: now) else { return }
        await compare(registry.all)
        await answerPings()
    }

    /// Lets all go where this node has no database, cuts links that are dead, tells the others of nodes.
    ///
    /// - Returns: whether the store may be asked.
    @discardableResult
    func watch(now: ContinuousClock.Instant = .now) -> Bool {
        let links = registry.all
        recorder.retry()
        fetches.retry()
        if let refusal = self.refusal {
            for link in links { link.put(.close(refusal.code, refusal.text)) }
            return false
        }
        for link in links {
            guard let complaint = link.vitals.complaint(at: now, silence: options.silence, write: options.write) else {
                continue
            }
            logger.info("A link is dead.", metadata: ["agent": "\(link.agent)", "reason": "\(complaint)"])
            link.cut()
        }
        tellNodes(links)
        return true
    }

    func compare(_ links: [Link]) async {
        guard !links.isEmpty else { return }
        do {
            let standings = try await directory.standings(of: links.map(\.agent))
            for link in links {
                guard let standing = standings[link.agent] else {
                    link.put(.close(.revoked, "the agent was deleted or disabled"))
                    continue
                }
                // Agents of every release dial again at this word, with the token that they have now.
                link.put(
                    link.isOutlived(by: standing.tokens)
                        ? .close(.resync, "the token of this link was replaced, and its time is over")
                        : .compare(standing))
            }
        } catch {
            logger.debug("The links could not be compared.", metadata: ["error": "\(error)"])
        }
    }

    func notePresence() async {
        // Whoever has missed a heartbeat is not seen: 15 s of that, and it is stale.
        let heard = ContinuousClock.now - options.heartbeat - .seconds(2)
        let links = registry.all.filter { $0.vitals.lastHeard > heard }
        guard !links.isEmpty else { return }
        let epochs = Dictionary(links.map { ($0.agent, $0.epoch) }, uniquingKeysWith: max)
        do { try await directory.presence(epochs, node: node) } catch {
            logger.debug("Presence could not be noted.", metadata: ["error": "\(error)"])
        }
    }

    private func repeatedly(every interval: Duration, _ body: @Sendable () async -> Void) async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: interval) } catch { return }
            await body()
        }
    }
}
