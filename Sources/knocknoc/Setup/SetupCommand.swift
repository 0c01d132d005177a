import ArgumentParser
import FoundationEssentials
import Glibc
import KnocknocInstaller
import KnocknocModel
import KnocknocServer
import KnocknocSystem
import KnocknocToolkit

/// The installer; the executable answers as this when called `knocknoc-setup`.
struct SetupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knocknoc-setup", abstract: "Sets up this machine as a web node of a Knocknoc site.",
        discussion: """
            It asks where to listen, which proxies to believe and where the database is, tries each answer when it is \
            given, shows what it will do, does it, and undoes it where a step fails or Ctrl-C stops it. Run again, it changes only what is \
            answered differently. --guide helps to choose.

            Every question has an option. With --non-interactive nothing is asked: --db-option (or --embedded) is needed, \
            and --database-url for 2 and 3. Everybody on this machine can read the list of processes, so give a string \
            with a password as KNOCKNOC_SETUP_DATABASE_URL, or as - for the first line of standard input; the site's \
            EncryptionKey is taken from KNOCKNOC_SETUP_ENCRYPTION_KEY.
            """,
        version: "knocknoc-setup \(Server.version)")

    @Option(help: "IP:PORT to listen on (default: 127.0.0.1:8756).") var listen: String?
    @Option(help: "Proxies whose X-Forwarded-For is believed: networks, separated by commas, or none.")
    var trustedForwarders: String?
    @Option(help: "1: PostgreSQL on this machine; 2: a new database elsewhere; 3: the database of a site that runs.")
    var dbOption: Int?
    @Option(
        name: .customLong("database-url"), help: "The connection string for 2 and 3; - reads it from standard input.")
    var databaseURL: String?
    @Flag(help: "Keep the database in a file of this machine (SQLite), for one web node.") var embedded = false
    @Option(name: .customLong("public-url"), help: "The address that people type: https://HOST[:PORT], or none.")
    var publicURL: String?
    @Flag(
        name: .customLong("tls-self-signed"), inversion: .prefixedNo,
        help: "Serve https with a certificate that the server makes (default: where others reach the listener).")
    var tlsSelfSigned: Bool?
    @Option(help: "A certificate chain of your own in PEM, by its absolute path.") var tlsCertificate: String?
    @Option(help: "Its key in PEM, by its absolute path.") var tlsKey: String?
    @Flag(help: "Bring the schema of a site that runs to this release's; its nodes are to be upgraded too.")
    var migrate = false
    @Flag(help: "Keep the site's secrets unwrapped in its database: whoever has the database has them.")
    var noEncryptionKey = false
    @Flag(help: "Ask nothing.") var nonInteractive = false
    @Flag(help: "Print which kind of site fits, and do nothing.") var guide = false

    func validate() throws {
        if let dbOption, !(1...3).contains(dbOption) { throw ValidationError("--db-option is 1, 2 or 3.") }
        if embedded, dbOption != nil || databaseURL != nil {
            throw ValidationError("--embedded has no other database; leave --db-option and --database-url out.")
        }
        if (tlsCertificate == nil) != (tlsKey == nil) {
            throw ValidationError("--tls-certificate and --tls-key go together.")
        }
        if tlsSelfSigned != nil, tlsCertificate != nil {
            throw ValidationError("--tls-self-signed and --tls-certificate exclude each other.")
        }
        for path in [tlsCertificate, tlsKey].compactMap({ $0 }) where !path.hasPrefix("/") {
            throw ValidationError("\(path): expected an absolute path.")
        }
    }

    func run() async throws {
        guard !guide else { return Exit.tell(Guide.text) }
        try Superuser.require("makes files, users and services of this machine")
        let layout = InstallLayout()
        let setup = Setup(
            try options(), layout: layout, terminal: StandardTerminal(), console: StandardConsole(),
            nodeName: SettingsLayers.hostName(), checkConfiguration: Self.check)
        try await setup.run()
    }

    private func options() throws -> Setup.Options {
        let environment = ProcessInfo.processInfo.environment
        // What is secret is not for the programs that we start.
        for name in ["KNOCKNOC_SETUP_DATABASE_URL", "KNOCKNOC_SETUP_ENCRYPTION_KEY"] { unsetenv(name) }
        var options = Setup.Options()
        options.listen = listen
        options.trustedForwarders = trustedForwarders
        options.source = embedded ? "embedded" : dbOption.map(String.init)
        options.databaseURL = databaseURL ?? environment["KNOCKNOC_SETUP_DATABASE_URL"]
        if databaseURL == "-" {
            guard let line = readLine(strippingNewline: true), !line.isEmpty else {
                throw ValidationError("Standard input is empty; expected a connection string and a newline.")
            }
            options.databaseURL = line
        }
        options.encryptionKey = environment["KNOCKNOC_SETUP_ENCRYPTION_KEY"]
        options.publicURL = publicURL
        options.selfSigned = tlsSelfSigned
        if let tlsCertificate, let tlsKey { options.certificate = (tlsCertificate, tlsKey) }
        options.isInteractive = !nonInteractive
        options.mayMigrate = migrate
        options.isUnwrapped = noEncryptionKey
        return options
    }

    /// As the server reads it.
    @Sendable private static func check(_ text: String, _ name: String) throws {
        _ = try ServerSettings(
            settings: Settings(reading: text, name: name, keys: ServerSettings.Key.all),
            hostName: SettingsLayers.hostName(), workingDirectory: "/")
    }
}
