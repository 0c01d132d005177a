import ArgumentParser
import KnocknocSystem
import KnocknocToolkit

struct HAProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "haproxy", abstract: "Puts HAProxy on this machine in front of the web nodes.",
        discussion: """
            Begin with --init and a --node for each web node; afterwards --node and --remove-node alone change the HAProxy \
            that runs. Only a marked part of haproxy.cfg is knocker's; the rest stays byte for byte as it is.

            A node on another machine must speak TLS. It is known again by the certificate that it shows when it is added, \
            or, if it is given by a name that an authority vouches for, by that name.

            Several HAProxy machines count refused sign-ins together if each is told of all of them with --peer, where NAME \
            is the machine's host name.

              knocker haproxy --init --node web-1=192.0.2.11:8756 --node web-2=192.0.2.12:8756
              knocker haproxy --node web-3=192.0.2.13:8756
              knocker haproxy --drain web-1
              knocker haproxy --remove-node web-1
            """)

    @Flag(name: .customLong("init"), help: "Install HAProxy where it is missing, and put our part into its file.")
    var begins = false
    @Flag(name: .customLong("print"), help: "Print the whole file as it would be; nothing is changed.")
    var prints = false
    @Flag(name: .customLong("check"), help: "Have HAProxy check the file as it would be; say how the nodes are doing.")
    var checks = false
    @Option(
        name: .customLong("node"), help: ArgumentHelp("A web node; again for each.", valueName: "name=host:port"),
        transform: NamedEndpoint.init(parsing:))
    var nodes: [NamedEndpoint] = []
    @Option(help: ArgumentHelp("Take a web node out.", valueName: "name")) var removeNode: [String] = []
    @Option(
        name: .customLong("peer"),
        help: ArgumentHelp(
            "A HAProxy machine that shares what is counted; again for each.", valueName: "name=host:port"),
        transform: NamedEndpoint.init(parsing:))
    var peers: [NamedEndpoint] = []
    @Option(help: ArgumentHelp("Share with that HAProxy machine no longer.", valueName: "name"))
    var removePeer: [String] = []
    @Option(
        name: .customLong("bind"),
        help: ArgumentHelp("Listen there and nowhere else; every address unless given.", valueName: "address[:port]"))
    var binds: [String] = []
    @Option(help: ArgumentHelp("Chain and key in one PEM file; self-signed unless given.", valueName: "pem"))
    var certificate: String?
    @Flag(help: "No TLS towards browsers and agents.") var httpOnly = false
    @Option(help: ArgumentHelp("Send nobody new to that node; over reloads too.", valueName: "name")) var drain: String?
    @Option(help: ArgumentHelp("Send people to a drained node again.", valueName: "name")) var ready: String?
    @Option(help: ArgumentHelp("HAProxy's file.", valueName: "file")) var config: String?
    @Option(help: .hidden) var root = ""

    func validate() throws {
        let chosen = [begins, prints, checks, drain != nil, ready != nil].count { $0 }
        guard chosen > 0 || !change.isEmpty else {
            throw ValidationError(
                "Say what to do: --init, --print, --check, --drain, --ready, or what to change, such as --node.")
        }
        if chosen > 1 { throw ValidationError("--init, --print, --check, --drain and --ready exclude each other.") }
        if drain != nil || ready != nil, !change.isEmpty {
            throw ValidationError("--drain and --ready change nothing else; expected them alone.")
        }
        if certificate != nil, httpOnly { throw ValidationError("--certificate and --http-only exclude each other.") }
        do throws(SystemError) { for bind in binds { _ = try FrontAddress.parse(bind, hasIPv6: true) } } catch {
            throw ValidationError(error.message)
        }
    }

    func run() async throws {
        let console = StandardConsole()
        let balancer = LoadBalancer(
            layout: HAProxyLayout(root: root, configuration: config), console: console)
        if let name = drain ?? ready { return try await balancer.drain(name, drain != nil) }
        if prints { return try balancer.print(change) }
        if checks { return try await balancer.check(change) }
        try await balancer.install(change, begins: begins)
    }

    private var change: LoadBalancerChange {
        var change = LoadBalancerChange()
        change.nodes = nodes
        change.removedNodes = removeNode
        change.peers = peers
        change.removedPeers = removePeer
        change.binds = binds.flatMap { (try? FrontAddress.parse($0, hasIPv6: LoadBalancer.hasIPv6)) ?? [] }
        change.certificate = certificate
        change.httpOnly = httpOnly
        return change
    }
}
