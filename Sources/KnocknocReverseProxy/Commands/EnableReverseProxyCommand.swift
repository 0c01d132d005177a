import ArgumentParser
import KnocknocModel
import KnocknocSystem

struct EnableReverseProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverseproxy",
        abstract: "Puts HAProxy on this machine in front of what Knocknoc protects.",
        discussion: """
            Whoever has no access is sent to the portal, signs in, and comes back to the page. A door is one site with its \
            names, what is behind it, and the list of the agent's that says who is let in; give --name for a second one. What \
            is not named stays as it is. Only a marked part of haproxy.cfg is knocker's; the rest stays byte for byte.

            Everything of a site is closed unless --gate-path or --gate-method says what is; --pass-path says what passes all \
            the same. A path is exact, and with /* at its end it is all below it, too.

              knocker enable reverseproxy --domain wiki.example --certificate /etc/ssl/wiki.pem \\
                --upstream 127.0.0.1:8080 --portal https://knock.example
              knocker enable reverseproxy --pass-path /oidc/callback --pass-path '/static/*'
              knocker enable reverseproxy --name git --domain git.example --upstream https://git.internal:443
            """)

    @Option(help: ArgumentHelp("The door that is meant; \"door\" unless given.", valueName: "name")) var name: String?
    @Option(
        name: .customLong("domain"),
        help: ArgumentHelp("A name by which browsers know the site; again for each.", valueName: "name[:port]"),
        transform: Domain.init(parsing:))
    var domains: [Domain] = []
    @Option(
        name: .customLong("upstream"),
        help: ArgumentHelp("What is protected; again for each of several alike.", valueName: "[https://]host:port"),
        transform: Upstream.init(parsing:))
    var upstreams: [Upstream] = []
    @Option(
        name: .customLong("upstream-ca"),
        help: ArgumentHelp(
            "The authority that vouches for an https upstream; the system's unless given.", valueName: "pem"))
    var upstreamCA: String?
    @Option(
        name: .customLong("gate-path"),
        help: ArgumentHelp("Close that path, and not all of them; /* closes everything.", valueName: "path"),
        transform: GatePath.init(parsing:))
    var gatedPaths: [GatePath] = []
    @Option(
        name: .customLong("pass-path"),
        help: ArgumentHelp("Let that path pass for everybody; none closes all of them again.", valueName: "path"))
    var passedPaths: [String] = []
    @Option(
        name: .customLong("gate-method"),
        help: ArgumentHelp("Close that method, and not all of them; all closes every one.", valueName: "method"))
    var gatedMethods: [String] = []
    @Option(help: ArgumentHelp("Where people sign in.", valueName: "https://host[:port]")) var portal: String?
    @Option(
        help: ArgumentHelp(
            "Where the portal answers, if it is reached through this HAProxy too.", valueName: "[https://]host:port"),
        transform: Upstream.init(parsing:))
    var portalUpstream: Upstream?
    @Option(
        name: .customLong("bind"),
        help: ArgumentHelp("Listen there and nowhere else; every address unless given.", valueName: "address[:port]"))
    var binds: [String] = []
    @Option(
        name: .customLong("certificate"),
        help: ArgumentHelp("Chain and key in one PEM file; again for each.", valueName: "pem"))
    var certificates: [String] = []
    @Flag(help: "No TLS towards browsers.") var httpOnly = false
    @Flag(help: "Install HAProxy without a question where it is missing.") var yes = false
    @Flag(name: .customLong("dry-run"), help: "Say what would be changed; nothing is.") var rehearses = false
    @Flag(name: .customLong("print"), help: "Print the whole file as it would be; nothing is changed.")
    var prints = false
    @Flag(name: .customLong("check"), help: "Have HAProxy check the file as it would be; say what is there.")
    var checks = false
    @Flag(name: .customLong("remove"), help: "As \"knocker disable reverseproxy\".") var removes = false
    @OptionGroup var place: ReverseProxyPlace

    func validate() throws {
        if [rehearses, prints, checks].count(where: { $0 }) > 1 {
            throw ValidationError("--dry-run, --print and --check exclude each other.")
        }
        if removes, prints || checks { throw ValidationError("--remove goes with --name and --dry-run alone.") }
        if !certificates.isEmpty, httpOnly {
            throw ValidationError("--certificate and --http-only exclude each other.")
        }
        if let portal, WebOrigin(portal) == nil {
            throw ValidationError("--portal \"\(portal)\": expected https://HOST[:PORT].")
        }
        do throws(SystemError) {
            if let name { try Door.check(name: name) }
            _ = try change
        } catch {
            throw ValidationError(error.message)
        }
    }

    func run() async throws {
        let proxy = ReverseProxy(layout: place.layout, console: StandardConsole())
        if removes { return try await proxy.disable(name, rehearses: rehearses) }
        let change = try change
        if prints { return try proxy.print(change) }
        if rehearses { return try await proxy.rehearse(change) }
        if checks { return try await proxy.check(change) }
        try await proxy.enable(change, mayInstall: yes)
    }

    private var change: ReverseProxyChange {
        get throws(SystemError) {
            var change = ReverseProxyChange()
            if let name { change.name = name }
            change.domains = domains
            change.upstreams = upstreams
            change.upstreamCA = upstreamCA
            if !gatedPaths.isEmpty { change.gatedPaths = gatedPaths }
            if !passedPaths.isEmpty {
                change.passedPaths = []
                for text in passedPaths where text != "none" {
                    change.passedPaths?.append(try GatePath(parsing: text))
                }
            }
            if !gatedMethods.isEmpty { change.gatedMethods = try Door.methods(gatedMethods) }
            change.portal = portal.flatMap(WebOrigin.init)
            change.portalUpstream = portalUpstream
            for bind in binds { change.binds += try FrontAddress.parse(bind, hasIPv6: ThisMachine.hasIPv6) }
            change.certificates = certificates
            change.httpOnly = httpOnly
            return change
        }
    }
}
