import KnocknocCertificates
import KnocknocModel
import KnocknocStore
public import KnocknocSystem
public import KnocknocToolkit

/// Sets up a web node on this machine: asks, shows what will be done, does it, and says where to go.
public struct Setup: Sendable {
    /// Answers that need no asking; nil where somebody is to be asked.
    public struct Options: Sendable {
        public var listen: String?
        public var trustedForwarders: String?
        /// `1`, `2`, `3` or `embedded`.
        public var source: String?
        public var databaseURL: String?
        public var encryptionKey: String?
        public var publicURL: String?
        public var selfSigned: Bool?
        /// Files of the site's own; both or neither.
        public var certificate: (file: String, key: String)?
        public var isInteractive = true
        /// Whether the schema of a site that runs may be brought to this release's.
        public var mayMigrate = false
        /// Whether the site's secrets stand unwrapped in its database.
        public var isUnwrapped = false

        public init() {}
    }

    let options: Options
    let layout: InstallLayout
    let terminal: any Terminal
    let console: any Console
    let nodeName: String
    let checkConfiguration: @Sendable (_ text: String, _ name: String) throws -> Void

    /// - Parameters:
    ///   - nodeName: this machine's name.
    ///   - checkConfiguration: refuses a configuration's text that the server would refuse.
    public init(
        _ options: Options, layout: InstallLayout, terminal: any Terminal, console: any Console, nodeName: String,
        checkConfiguration: @escaping @Sendable (_ text: String, _ name: String) throws -> Void
    ) {
        self.options = options
        self.layout = layout
        self.terminal = terminal
        self.console = console
        self.nodeName = nodeName
        self.checkConfiguration = checkConfiguration
    }

    /// - Throws: ``SetupError``, or what the step that failed threw after everything was undone.
    public func run() async throws {
        try await run(checks: .real(layout, nodeName: nodeName))
    }

    func run(checks: Checks) async throws {
        let existing = try await ExistingSetup.read(layout)
        if let certificate = options.certificate { try checkFiles(certificate.file, certificate.key) }
        greet(existing)
        let interview = Interview(
            existing: existing, checks: checks, layout: layout, mayMigrate: options.mayMigrate,
            isUnwrapped: options.isUnwrapped)
        let dialogue = Dialogue(terminal: terminal, given: given, isInteractive: options.isInteractive)
        let answers = try await dialogue.run(from: start) { id, answers in
            // Without anybody to ask, what stands there is said all the same.
            if id == .confirmation, !options.isInteractive {
                interview.summary(answers).forEach(terminal.say)
                return nil
            }
            return interview.question(id, answers)
        }
        let plan = try interview.plan(answers)
        let work = SetupWork(
            layout: layout, plan: plan, console: console, nodeName: nodeName, check: checkConfiguration)
        tell(try await work.run(), plan)
    }

    private var start: Answers {
        var answers = Answers()
        if let certificate = options.certificate {
            answers.certificate = .files(certificate: certificate.file, key: certificate.key)
            answers.answered.insert(.certificate)
        }
        return answers
    }

    private func checkFiles(_ certificate: String, _ key: String) throws {
        for path in [certificate, key] where !SystemFile(path).exists {
            throw SetupError(.refused, "there is no file \(path)")
        }
        guard let pem = try SystemFile(certificate).text(), (try? SelfSignedCertificate.fingerprint(ofPEM: pem)) != nil
        else {
            throw SetupError(.refused, "\(certificate) has no certificate in PEM")
        }
        guard let pem = try SystemFile(key).text(), pem.contains("PRIVATE KEY-----") else {
            throw SetupError(.refused, "\(key) has no key in PEM")
        }
    }

    private var given: [Question.ID: String] {
        var given: [Question.ID: String] = [:]
        given[.listen] = options.listen
        given[.forwarders] = options.trustedForwarders
        given[.source] = options.source
        given[.databaseURL] = options.databaseURL
        given[.encryptionKey] = options.encryptionKey
        given[.publicURL] = options.publicURL
        given[.certificate] = options.selfSigned.map { $0 ? "yes" : "no" }
        return given
    }

    private func greet(_ existing: ExistingSetup) {
        terminal.say("Setting up a Knocknoc web node.")
        if existing.configuration == nil {
            terminal.say("There is no configuration yet (\(layout.configuration)): starting fresh.")
        } else {
            terminal.say(
                "Found \(layout.configuration): its values are the defaults, and only what you change changes.")
        }
        if options.isInteractive { terminal.say("Enter takes the default, ? explains, back goes back.") }
        terminal.say("")
    }

    private func tell(_ result: SetupResult, _ plan: SetupPlan) {
        console.note("")
        if result.health == nil { tellHowToStart() } else { console.note("The service runs and is well.") }
        if let fingerprint = result.fingerprint { console.tell("TLS certificate SHA-256: \(fingerprint)") }
        console.tell("Portal: \(result.portal)/")
        if let code = result.setUpCode {
            // After "#" it stays in the browser: no server, proxy or log sees it.
            console.tell(
                "Make the first administrator (this link works once, for a day): \(result.portal)/admin/setup#\(code)")
        } else {
            console.tell("Administration: \(result.portal)/admin")
        }
        if plan.key == .keepOrMake {
            console.note("Keep a copy of \(layout.encryptionKey) elsewhere: a backup of the database does not have it.")
        }
    }

    private func tellHowToStart() {
        let server = "/opt/knocknoc/bin/knocknoc serve --config \(layout.configuration)"
        console.note(
            "There is no systemd with the unit \(InstallLayout.unit) here, so nothing was started. By hand, as root:")
        console.note(
            "  KNOCKNOC_ENCRYPTION_KEY=$(grep -v '^#' \(layout.encryptionKey)) runuser -u \(InstallLayout.user) -- \(server)"
        )
    }
}
