import ArgumentParser
import KnocknocSystem

struct DisableReverseProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverseproxy", abstract: "Takes the reverse proxy, or one door of it, out of HAProxy.",
        discussion: "HAProxy itself and everything in its file that is not ours stay.")

    @Option(help: ArgumentHelp("That door alone; all of them unless given.", valueName: "name")) var name: String?
    @Flag(help: "Say what would be changed; nothing is.") var dryRun = false
    @OptionGroup var place: ReverseProxyPlace

    func run() async throws {
        let proxy = ReverseProxy(layout: place.layout, console: StandardConsole())
        try await proxy.disable(name, rehearses: dryRun)
    }
}
