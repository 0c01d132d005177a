import ArgumentParser
import Glibc
import KnocknocAccess
import KnocknocIdentity
import KnocknocInstaller
import KnocknocModel
import KnocknocServer
import KnocknocStore
import KnocknocSystem

/// The exit codes that scripts rely on: 0 done, 1 failed, 2 wrong usage, 77 not allowed, 78 bad configuration,
/// 128 and its number after a signal.
enum Exit {
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    static let notAllowed: Int32 = 77
    static let badConfiguration: Int32 = 78

    /// Says what went wrong on standard error and ends the process with the code that fits.
    ///
    /// - Parameter begun: the command that ran, whose usage is told where it was meant otherwise.
    static func end<Command: ParsableCommand>(
        _ error: any Error, of command: Command.Type, in begun: (any ParsableCommand.Type)? = nil
    ) -> Never {
        switch error {
        case let error as ConfigurationError: end(error.description, error.isUsage ? usage : badConfiguration)
        case let error as ValidationError where begun != nil:
            let shown = begun.map { "\nUsage: " + command.usageString(for: $0) } ?? ""
            end("Error: \(error.message)\(shown)", usage)
        case let error as StoreError: end(error.message, code(error))
        case let error as ServerError: end(error.message, code(error))
        case let error as AccessError: end(error.message, error.code == .encryptionKey ? badConfiguration : failed)
        case let error as IdentityError: end(error.message, failed)
        case let error as SystemError: end(error.message, code(error))
        case let error as SetupError: end(error.message, code(error))
        default: break
        }
        let code = command.exitCode(for: error)
        // The argument library's own code for wrong usage is EX_USAGE, 64.
        guard code == .validationFailure else { command.exit(withError: error) }
        end(command.fullMessage(for: error) + hint(command), usage)
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

    private static func code(_ error: SetupError) -> Int32 {
        switch error.code {
        case .missing, .ended, .usage: usage
        case .invalid: badConfiguration
        default: failed
        }
    }

    private static func code(_ error: ServerError) -> Int32 {
        switch error.code {
        case .listen, .agent: failed
        default: badConfiguration
        }
    }

    private static func code(_ error: SystemError) -> Int32 {
        switch error.code {
        case .notAllowed: notAllowed
        case .invalid: badConfiguration
        default: error.code.signal.map { 128 + $0 } ?? failed
        }
    }

    private static func code(_ error: StoreError) -> Int32 {
        switch error.code {
        case .configuration, .locked, .schemaTooNew, .schemaTooOld: badConfiguration
        default: failed
        }
    }

    static func end(_ message: String, _ code: Int32) -> Never {
        say(message)
        exit(code)
    }

    /// Writes a line to standard error.
    static func say(_ message: String) { write(message + "\n", to: STDERR_FILENO) }

    /// Writes a line to standard output.
    static func tell(_ message: String) { write(message + "\n", to: STDOUT_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }
}
