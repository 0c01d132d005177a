import ArgumentParser

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves pages, API and agents' links.")

    @OptionGroup var options: ServeOptions

    func run() async throws { try await ServePlan(options).run() }
}
