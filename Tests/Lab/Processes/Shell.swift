public import Foundation

/// Short commands that are waited for.
public enum Shell {
    public struct Result: Sendable {
        public var status: Int32
        public var output: Data
        public var errors: String

        public var text: String { String(decoding: output, as: UTF8.self) }
        /// The same without the white space around it.
        public var line: String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
    }

    /// Runs a command to its end; `input` is written to its standard input.
    public static func run(
        _ command: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Result {
        let process = try LabProcess(command, environment: environment, input: input)
        let status = await process.exit()
        return Result(status: status, output: process.outputData, errors: process.errorText)
    }

    /// Runs a command and throws, with what it said, unless it ends with 0.
    @discardableResult
    public static func check(
        _ command: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Result {
        let result = try await run(command, input: input, environment: environment)
        guard result.status == 0 else {
            throw LabError(
                "\(command.joined(separator: " ")) ended with \(result.status): \(result.errors)\(result.text)")
        }
        return result
    }

    /// For what must be known before any test starts.
    static func blocking(_ command: [String]) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }
}
