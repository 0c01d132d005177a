import ArgumentParser
import KnocknocServer
import KnocknocSystem

/// The server's command line; the executable answers as `knocker` and `knocknoc-setup` when called by those names.
@main
struct KnocknocCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knocknoc",
        abstract: "Gives people network access only while they need it: the server.",
        version: "knocknoc \(Server.version)",
        subcommands: [
            ServeCommand.self, MigrateCommand.self, GenkeyCommand.self, ScaffoldCommand.self, KnockerCommand.self,
            SuperviseCommand.self, VersionCommand.self,
        ])

    // On the main thread and before the first suspension, so that no thread exists yet when rights are given up.
    @MainActor
    static func main() async {
        let name = CommandLine.arguments.first?.split(separator: "/").last
        switch name {
        case "knocker": await start(KnockerCommand.self)
        case "knocknoc-setup": await start(SetupCommand.self)
        default: await start(Self.self)
        }
    }

    @MainActor
    private static func start<Root: ParsableCommand>(_ root: Root.Type) async {
        var begun: (any ParsableCommand.Type)?
        do {
            let roleArguments =
                root == KnocknocCommand.self ? try Role.arguments(Array(CommandLine.arguments.dropFirst())) : nil
            var command = try root.parseAsRoot(roleArguments)
            begun = type(of: command)
            if let serve = command as? ServeCommand {
                let plan = try ServePlan(serve.options)
                try await plan.run()
                return
            }
            // The supervisor and what it starts have their own ways with signals.
            if !(command is SuperviseCommand) { Interruption.watch() }
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Exit.end(error, of: root, in: begun)
        }
    }
}
