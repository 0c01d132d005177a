import ArgumentParser
import Glibc
import KnocknocAgent
import KnocknocModel
import KnocknocSystem

/// The exit codes that scripts rely on: 0 done, 1 failed, 2 wrong usage, 77 not allowed, 78 bad configuration,
/// 128 and its number after a signal.
enum Exit {
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    static let notAllowed: Int32 = 77
    static let badConfiguration: Int32 = 78

    /// Says what went wrong on standard error and ends the process with the code that fits.
    static func end<Command: ParsableCommand>(_ error: any Error, of command: Command.Type) -> Never {
        switch error {
        case let error as ConfigurationError: end(error.description, error.isUsage ? usage : badConfiguration)
        case let error as AgentError where error.code == .configuration: end(error.message, badConfiguration)
        case let error as AgentError where error.code == .refused: end(error.message, notAllowed)
        case let error as AgentError: end(error.message, failed)
        case let error as SystemError: end(error.message, code(error))
        default: break
        }
        let code = command.exitCode(for: error)
        // The argument library's own code for wrong usage is EX_USAGE, 64.
        guard code == .validationFailure else { command.exit(withError: error) }
        end(command.fullMessage(for: error) + hint(command), usage)
    }

    private static func code(_ error: SystemError) -> Int32 {
        switch error.code {
        case .notAllowed: notAllowed
        case .invalid: badConfiguration
        default: error.code.signal.map { 128 + $0 } ?? failed
        }
    }

    /// The command that was probably meant.
    private static func hint(_ command: any ParsableCommand.Type) -> String {
        let names = command.configuration.subcommands.map { $0.configuration }.filter(\.shouldDisplay)
            .compactMap(\.commandName)
        guard let given = CommandLine.arguments.dropFirst().first, !given.hasPrefix("-"), !names.contains(given),
            let meant = NearestName.to(given, among: names)
        else { return "" }
        return "\nDid you mean '\(meant)'?"
    }

    static func end(_ message: String, _ code: Int32) -> Never {
        say(message)
        exit(code)
    }

    /// Writes a line to standard error.
    static func say(_ message: String) {
        let bytes = Array((message + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
