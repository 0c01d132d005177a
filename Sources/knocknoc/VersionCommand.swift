import ArgumentParser
import KnocknocServer

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

    func run() { Exit.tell("knocknoc \(Server.version)") }
}
