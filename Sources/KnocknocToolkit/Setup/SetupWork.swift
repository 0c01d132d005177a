import Glibc
import KnocknocAccess
import KnocknocIdentity
import KnocknocModel
public import KnocknocStore
public import KnocknocSystem
import Logging

/// Carries a ``SetupPlan`` out, and undoes what it has done where a step fails.
public struct SetupWork: Sendable {
    let layout: InstallLayout
    let plan: SetupPlan
    let console: any Console
    /// Refuses a configuration's text that the server would refuse.
    let check: @Sendable (_ text: String, _ name: String) throws -> Void
    let nodeName: String
    private static let quiet = Logger(label: "setup") { _ in SwiftLogNoOpLogHandler() }

    public init(
        layout: InstallLayout, plan: SetupPlan, console: any Console, nodeName: String,
        check: @escaping @Sendable (_ text: String, _ name: String) throws -> Void
    ) {
        self.layout = layout
        self.plan = plan
        self.console = console
        self.nodeName = nodeName
        self.check = check
    }

    /// Whether this is a real machine, and not a folder that a test or an image is made in.
    private var isMachine: Bool { layout.root.isEmpty }

    /// - Throws: what the step that failed threw, after those before it were undone; ``SystemError`` `busy` where another
    ///   command changes the configuration at this moment.
    public func run() async throws -> SetupResult {
        // An image that somebody makes in a folder of his own is nobody else's to change.
        guard isMachine || geteuid() == 0 else { return try await carryOut() }
        return try await SystemFile(layout.configuration).locked { try await carryOut() }
    }

    private func carryOut() async throws -> SetupResult {
        let result = try await Undoing.run(console) { steps in
            let service = try await NodeService.find(isMachine)
            if let service, try await service.unit.isActive() {
                try await steps.step("Looking at \(service.unit.name): it runs") {
                } undo: {
                    // After the files are back.
                    try await service.unit.restart()
                }
            }
            try await prepareFolders(&steps)
            let location = try await prepareDatabase(&steps)
            let isNewKey = try await writeKey(&steps)
            try await prepareSchema(location, &steps)
            let (text, isNewText) = try await writeConfiguration(location, &steps)
            let node = NodeService(layout: layout, listen: plan.listen, configuration: ConfigurationText(text))
            let health = try await service.asyncMap { service in
                if !isNewKey, !isNewText, let answer = await node.health(service.unit) { return answer }
                return try await node.start(service.unit, &steps)
            }
            return (location, node, health)
        }
        let (location, node, health) = result
        let code = try await asServer(location) {
            try await with(location) { database, _ in try await access(database).setUpLink() }
        }
        return SetupResult(
            portal: node.portal, setUpCode: code, fingerprint: try node.fingerprint(), health: health?.body)
    }

    private func prepareFolders(_ steps: inout Undoing) async throws {
        try await steps.step("Preparing \(layout.data)") {
            if isMachine { try await SystemUser.make(InstallLayout.user, home: layout.data) }
            let ids = SystemUser.ids(of: InstallLayout.user)
            try SystemFolder.make(SystemFolder.parent(of: layout.configuration), mode: 0o755)
            try SystemFolder.make(layout.data, mode: 0o750, owner: isMachine ? ids?.user : nil, group: ids?.group)
        }
    }

    /// - Returns: the string for the configuration.
    private func prepareDatabase(_ steps: inout Undoing) async throws -> DatabaseURL {
        switch plan.database {
        case .new(let url), .existing(let url), .unchanged(let url): return url
        case .embedded: return try DatabaseURL("sqlite://\(layout.data)/knocknoc.db")
        case .local:
            let postgres = try await steps.step("Installing PostgreSQL, where it is not, and starting it") {
                try await LocalPostgres.ready()
            }
            if SystemdUnit.isHere, !postgres.dropIn.exists {
                try await steps.step("Having systemd start PostgreSQL again where it is killed") {
                    try await postgres.keepRunning()
                } undo: {
                    try await postgres.leaveAlone()
                }
            }
            let before = try await postgres.found()
            let cluster = "\(postgres.cluster.version)/\(postgres.cluster.name)"
            _ = try await steps.step("Making roles, database and schema in PostgreSQL \(cluster)") {
                try await postgres.make()
            } undo: {
                try await postgres.unmake(before)
            }
            return try DatabaseURL(postgres.url)
        }
    }

    /// - Returns: whether the file is another one now.
    private func writeKey(_ steps: inout Undoing) async throws -> Bool {
        let file = KeyFile(layout)
        let old = try file.file.bytes()
        var (title, key): (String, EncryptionKey?) = ("Keeping", try file.key())
        switch plan.key {
        case .use(let given): (title, key) = (given == key ? "Keeping" : "Writing", given)
        case .keepOrMake where key == nil: (title, key) = ("Making", EncryptionKey())
        case .keepOrMake: break
        case .none, .unwrapped:
            guard old == nil else { return false }
            title = "Noting that there is no key:"
        }
        let chosen = key
        try await steps.step("\(title) \(file.file.path)") {
            if title != "Keeping" { try file.write(chosen) }
        } undo: {
            if let old {
                try file.file.replace(with: old, keepingBackup: false)
            } else {
                try file.file.remove()
            }
        }
        return title != "Keeping"
    }

    /// Makes the schema, or brings it to this release's, where that is wanted; the data key comes with it.
    private func prepareSchema(_ location: DatabaseURL, _ steps: inout Undoing) async throws {
        switch plan.database {
        case .existing where !plan.mayMigrate, .unchanged where !plan.mayMigrate: return
        default: break
        }
        let isNew = try await asServer(location) {
            try await with(location) { _, migrator in try await migrator.status().version == 0 }
        }
        let keyProtection = try protection()
        try await steps.step(isNew ? "Making Knocknoc's tables" : "Bringing Knocknoc's tables to this release's") {
            try await asServer(location) {
                try await with(location) { database, migrator in
                    try await migrator.migrate()
                    try await access(database).unlock(keyProtection)
                }
            }
        } undo: {
            // What somebody else has begun to use meanwhile stays.
            guard isNew, location.engine == .postgres else { return }
            try await asServer(location) {
                try await with(location) { database, migrator in
                    guard try await migrator.status().version > 0 else { return }
                    guard try await access(database).needsFirstAdmin() else { return }
                    try await database.migrate { try await $0.execute(script: "drop schema knocknoc cascade") }
                }
            }
        }
    }

    private func writeConfiguration(
        _ location: DatabaseURL, _ steps: inout Undoing
    ) async throws -> (text: String, isNew: Bool) {
        let file = SystemFile(layout.configuration)
        let old = try file.text()
        let url = location.engine == .sqlite ? location.description : location.location
        let text = try plan.configuration(from: old, databaseURL: url)
        try check(text, file.path)
        guard text != old else { return (text, false) }
        let group = isMachine ? SystemUser.ids(of: InstallLayout.user)?.group : nil
        let attributes = SystemFile.Attributes(mode: 0o640, owner: geteuid(), group: group ?? getegid())
        try await steps.step("Writing \(file.path)") {
            try file.replace(with: text, attributes: attributes)
        } undo: {
            if let old {
                try file.replace(with: old, keepingBackup: false)
            } else {
                try file.remove()
            }
        }
        return (text, true)
    }

    private func protection() throws -> KeyProtection {
        if case .unwrapped = plan.key { return .unwrapped }
        return try KeyFile(layout).key().map { .wrapped($0) } ?? .notGiven
    }

    // MARK: - The database

    /// Runs `body` as the user whom a database on this machine knows.
    private func asServer<Result: Sendable>(
        _ url: DatabaseURL, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        guard isMachine, try url.isOnThisMachine else { return try await body() }
        return try await SystemUser.acting(as: InstallLayout.user, body)
    }

    private func with<Result: Sendable>(
        _ url: DatabaseURL, _ body: @Sendable (any DatabaseService, Migrator) async throws -> Result
    ) async throws -> Result {
        let text = url.engine == .sqlite ? url.description : url.location
        let database = try DatabaseFactory.open(
            url: text, serverLock: false, patience: .seconds(30), logger: Self.quiet)
        let result: Swift.Result<Result, any Error>
        do {
            let migrator = try Migrator(database, logger: Self.quiet)
            result = .success(try await body(database, migrator))
        } catch {
            result = .failure(error)
        }
        await database.close()
        return try result.get()
    }

    private func access(_ database: any DatabaseService) -> Access {
        Access(database: database, hasher: PasswordHasher(slots: 1), node: nodeName, logger: Self.quiet)
    }
}

extension DatabaseURL {
    /// Whether it is reached by the right of a user of this machine: a file, or a socket.
    public var isOnThisMachine: Bool {
        get throws(StoreError) { engine == .sqlite ? true : try places().allSatisfy(\.isSocket) }
    }
}

extension Optional {
    func asyncMap<Result>(_ body: (Wrapped) async throws -> Result) async throws -> Result? {
        guard let self else { return nil }
        return try await body(self)
    }
}
