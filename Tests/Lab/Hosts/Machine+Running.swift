import Foundation

extension Machine {
    /// The command that runs `command` on the machine, as its administrator's shell would.
    func inside(_ command: [String]) throws -> [String] {
        guard let systemd else { throw LabError("\(name) is switched off") }
        return ["nsenter", "-t", String(systemd), "-a", "-r", "-w", "--"] + command
    }

    /// Runs a command to its end, whatever that is.
    public func attempt(
        _ command: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Shell.Result {
        try await Shell.run(
            inside(command), input: input,
            environment: ["LC_ALL": "", "LANG": "C.UTF-8"].merging(environment) { _, given in given })
    }

    /// Runs a command, and throws, with what it said, unless it ends with 0.
    @discardableResult
    public func run(
        _ command: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Shell.Result {
        let result = try await attempt(command, input: input, environment: environment)
        guard result.status == 0 else {
            throw LabError(
                "\(name): \(command.joined(separator: " ")) ended with \(result.status): \(result.errors)\n\(result.text)"
            )
        }
        return result
    }

    /// Runs lines of a shell that stops at the first that fails.
    @discardableResult
    public func shell(_ lines: String, environment: [String: String] = [:]) async throws -> String {
        try await run(["bash", "-euo", "pipefail", "-c", lines], environment: environment).text
    }

    /// Starts a command whose output is followed; it ends with the machine at the latest.
    public func start(_ command: [String], input: String = "") throws -> LabProcess {
        try LabProcess(inside(command), input: input)
    }

    /// Starts a command on a terminal of 50 lines, as somebody who sits in front of the machine does.
    public func terminal(_ command: [String]) throws -> Terminal {
        let words = command.map { "'" + $0.replacingOccurrences(of: "'", with: #"'\''"#) + "'" }
        let line = "stty rows 50 cols 120; exec " + words.joined(separator: " ")
        return try Terminal(inside(["script", "--echo", "always", "-qefc", line, "/dev/null"]))
    }

    /// What the machine logged last, on every boot, of one unit or of all; what systemd says when all is well is left out.
    public func journal(_ lines: Int, unit: String? = nil) async -> String {
        var command = ["journalctl", "--no-pager", "-q", "-o", "short-monotonic", "-n", String(lines * 5)]
        if let unit { command += ["-u", unit] }
        guard let text = try? await attempt(command).text else { return "(\(name) is switched off)" }
        let telling = text.split(separator: "\n").filter { line in
            !line.contains(" systemd[1]: ")
                || ["ailed", "xited", "illed", "too quickly"].contains { line.contains($0) }
        }
        return telling.suffix(lines).joined(separator: "\n")
    }

    public func write(_ text: String, to path: String, mode: String = "644", owner: String = "root:root") async throws {
        try await shell(
            "install -D -m 600 /dev/stdin \"$FILE\"; chown \"$OWNER\" \"$FILE\"; chmod \"$MODE\" \"$FILE\"", text,
            ["FILE": path, "OWNER": owner, "MODE": mode])
    }

    private func shell(_ lines: String, _ input: String, _ environment: [String: String]) async throws {
        try await run(["bash", "-euo", "pipefail", "-c", lines], input: input, environment: environment)
    }

    public func read(_ path: String) async throws -> String { try await run(["cat", path]).text }
}
