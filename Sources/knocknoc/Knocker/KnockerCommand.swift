import ArgumentParser

/// The administrator's tool.
struct KnockerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knocker", abstract: "Works on a site from a shell on one of its machines.",
        subcommands: [CreateAdminCommand.self, SetPasswordCommand.self])
}
