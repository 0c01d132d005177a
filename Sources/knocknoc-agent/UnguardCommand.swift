import ArgumentParser
import KnocknocAgent
import KnocknocEnforcement
import KnocknocModel

struct UnguardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unguard",
        abstract: "Takes guards away on this machine, without server or network; their ports open to everybody.",
        discussion: """
            A guard of several ports goes whole. A mark stays, so that a running agent does not bring it back; \
            --undo removes all marks, and the server's guards apply again when the agent next defines them.
            """)

    @OptionGroup var options: UnguardOptions
    @Option(help: "The port whose guards go.") var port: UInt16?
    @Option(name: .customLong("protocol"), help: "tcp or udp.") var transport = "tcp"
    @Flag(help: "All guards go.") var all = false
    @Flag(help: "Lets the server's guards apply again.") var undo = false

    func validate() throws {
        guard [port != nil, all, undo].count(where: { $0 }) == 1 else {
            throw ValidationError("Give one of --port N, --all and --undo.")
        }
        guard port != 0 else { throw ValidationError("A port is 1 to 65535.") }
        guard TransportProtocol(rawValue: transport) != nil else {
            throw ValidationError("--protocol is tcp or udp, not \"\(transport)\".")
        }
    }

    func run() async throws {
        let configuration = try AgentConfiguration(localSettings: options.settings())
        if case .unavailable(let reason) = NetworkCapability.probe() { Exit.end(reason, Exit.notAllowed) }
        do throws(EnforcementError) {
            try change(options.place(configuration.guardFile))
        } catch {
            Exit.end(error.message, Exit.failed)
        }
    }

    private func change(_ place: Unguard.Place) throws(EnforcementError) {
        if undo {
            try Unguard.undo(place)
            print("guards that were taken away by hand may apply again")
            return
        }
        let wanted = port.map { (TransportProtocol(rawValue: transport) ?? .tcp, $0) }
        let removed = try Unguard.remove(wanted.map { (protocol: $0.0, number: $0.1) }, place: place)
        if removed.isEmpty {
            print("no guard closes \(port.map { "\(transport) port \($0)" } ?? "any port")")
            return
        }
        for guarded in removed {
            let ports = guarded.ports.map(String.init).joined(separator: ", ")
            print("open to everybody now: \(guarded.protocol.rawValue) \(ports)")
        }
        let place = options.guardFile.map { " --guard-file \($0)" } ?? ""
        print("no server guards them again on this machine until: knocknoc-agent unguard --undo\(place)")
    }
}
