import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Programs of this machine. Arguments are a list, never a shell's line; secrets go by standard input or environment,
/// never among the arguments, which every user can read.
public enum Command {
    public struct Output: Sendable {
        /// The exit status; 128 and the signal's number where a signal ended it.
        public var status: Int32
        public var text: String
        public var errors: String

        public var succeeded: Bool { status == 0 }

        /// What a program said of its failure: its last lines on standard error, else on standard output.
        public var complaint: String {
            let said = errors.isEmpty ? text : errors
            let lines = said.split(separator: "\n", omittingEmptySubsequences: true).suffix(3)
            return lines.isEmpty ? "it exited with \(status)" : lines.joined(separator: "; ")
        }
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - arguments: the first is the program, by its path or found in `PATH`.
    ///   - input: written to its standard input.
    ///   - environment: added to this process's own. The language is always C, so that answers can be read.
    ///   - isInterruptible: whether a signal that stops our work ends the program too, as Ctrl-C would. All others go to
    ///     their end: in a session of its own none of them hears the terminal's Ctrl-C.
    /// - Throws: ``SystemError`` `missing` where the program cannot be started, `interrupted` where a signal came.
    public static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:], isInterruptible: Bool = false
    ) async throws -> Output {
        guard isInterruptible else { return try await output(arguments, input, environment) }
        return try await Interruption.telling { try await output(arguments, input, environment) }
    }

    private static func output(
        _ arguments: [String], _ input: String, _ environment: [String: String]
    ) async throws -> Output {
        guard let program = arguments.first else { throw SystemError(.missing, "no program was named") }
        BrokenPipe.survived
        var variables: [Environment.Key: String?] = ["LC_ALL": "C.UTF-8"]
        for (key, value) in environment { variables[Environment.Key(rawValue: key) ?? "LC_ALL"] = value }
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .interrupt, toProcessGroup: true, allowedDurationToNextStep: .seconds(20))
        ]
        do {
            let result = try await Subprocess.run(
                program.contains("/") ? .path(FilePath(program)) : .name(program),
                arguments: Arguments(Array(arguments.dropFirst())), environment: .inherit.updating(variables),
                platformOptions: options, input: Input(text: input), output: .string(limit: 16 << 20),
                error: .string(limit: 1 << 20))
            let status: Int32 =
                switch result.terminationStatus {
                case .exited(let code): code
                case .signaled(let signal): 128 + signal
                }
            return Output(
                status: status, text: result.standardOutput, errors: result.standardError)
        } catch let error as SubprocessError {
            throw SystemError(.missing, "\(program) cannot be run: \(error)")
        }
    }

    /// What a program is given to read. One that ends before it has read all says why by its status.
    private struct Input: InputProtocol {
        let text: String

        func write(with writer: StandardInputWriter) async throws {
            do { _ = try await writer.write(Array(text.utf8)) } catch {
                guard error.code == .failedToWriteToSubprocess else { throw error }
            }
        }
    }

    /// Runs a program that has to succeed.
    ///
    /// - Parameter purpose: what could not be done otherwise, as in "restarting Postgres".
    /// - Returns: its standard output, without the line feed at its end.
    /// - Throws: ``SystemError`` `failed` with the program's own words.
    @discardableResult
    public static func check(
        _ purpose: String, _ arguments: [String], input: String = "", environment: [String: String] = [:],
        isInterruptible: Bool = false
    ) async throws -> String {
        let output = try await run(
            arguments, input: input, environment: environment, isInterruptible: isInterruptible)
        guard output.succeeded else {
            throw SystemError(.failed, "\(purpose) failed: \(output.complaint)")
        }
        var text = output.text
        if text.hasSuffix("\n") { text.removeLast() }
        return text
    }
}
