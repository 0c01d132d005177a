public import Foundation

/// One `knocknoc-agent run` on a host of the lab; it can be killed and started again with the same state file.
public actor AgentProcess {
    public nonisolated let host: Host
    private var command = [Lab.executable("knocknoc-agent"), "run"]
    public private(set) var environment: [String: String]
    private let wrapper: [String]
    private var process: LabProcess?

    /// - Parameter wrapper: a command that runs the one that follows it.
    public init(on host: Host, environment: [String: String], wrapper: [String] = []) {
        self.host = host
        self.environment = environment
        self.wrapper = wrapper
    }

    @discardableResult
    public func start() throws -> LabProcess {
        let process = try host.start(wrapper + command, environment: environment)
        self.process = process
        return process
    }

    /// Another command of the agent's executable with the same settings, to its end.
    public func run(_ command: String) async throws -> (status: Int32, errors: String) {
        let process = try host.start([Lab.executable("knocknoc-agent"), command], environment: environment)
        return (await process.exit(), process.errorText)
    }

    /// What is started from now on.
    public func use(_ command: [String]) { self.command = command }
    public func set(_ name: String, _ value: String) { environment[name] = value }

    @discardableResult
    public func stop(_ signal: Int32) async -> Int32? {
        defer { process = nil }
        return await process?.stop(signal)
    }

    /// Waits until its log is as it should be.
    public func until(_ what: String, within limit: Double = 60, _ matches: (String) -> Bool) async throws {
        let end = Clock.now + limit
        while Clock.now < end {
            if matches(log(2000)) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LabError("not within \(limit) s: \(what)\n\(log(60))")
    }
    public var pid: pid_t? { process?.pid }

    public func log(_ lines: Int) -> String {
        process?.errorLines.suffix(lines).joined(separator: "\n") ?? "(not running)"
    }
}
