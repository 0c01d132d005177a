public import Foundation

/// One `knocknoc serve` on a host of the lab; it can be killed and started again with the same data.
public actor ServerProcess {
    public nonisolated let host: Host
    public nonisolated let folder: URL
    /// Such as `https://knocknoc.test:8756`.
    public nonisolated let base: String
    private var command = [Lab.executable("knocknoc"), "serve"]
    private let arguments: [String]
    private var environment: [String: String]
    private var process: LabProcess?
    private var clients: WebClient?

    public init(
        on host: Host, base: String, arguments: [String], environment: [String: String], folder: URL
    ) {
        self.host = host
        self.base = base
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
    }

    /// Starts it without waiting for an answer.
    @discardableResult
    public func launch() throws -> LabProcess {
        let process = try host.start(command + arguments, environment: environment)
        self.process = process
        return process
    }

    /// Starts it and waits until `/health` says 200.
    public func start(within limit: Double = 60) async throws {
        let process = try launch()
        let client = try client(on: host)
        let end = Clock.now + limit
        while Clock.now < end {
            let answer = try await client.send("GET", "/health", limit: 3)
            if answer.status == 200 { return }
            guard process.isRunning else { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LabError("knocknoc serve did not become healthy:\n\(log(60))")
    }

    /// Somebody on `host` who speaks with this node.
    public nonisolated func client(on host: Host, family6: Bool = false) throws -> WebClient {
        try WebClient(on: host, base: base, address: family6 ? self.host.ipv6 : self.host.ipv4)
    }

    /// What is started from now on, before the arguments.
    public func use(_ command: [String]) { self.command = command }
    public func set(_ name: String, _ value: String) { environment[name] = value }
    public var pid: pid_t? { process?.pid }
    public var current: LabProcess? { process }

    @discardableResult
    public func stop(_ signal: Int32) async -> Int32? {
        defer { process = nil }
        return await process?.stop(signal)
    }

    /// Waits until this node's log is as it should be.
    public func until(_ what: String, within limit: Double = 60, _ matches: (String) -> Bool) async throws {
        let end = Clock.now + limit
        while Clock.now < end {
            if matches(log(2000)) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LabError("not within \(limit) s: \(what)")
    }

    public func log(_ lines: Int) -> String {
        guard let process else { return "(not running)" }
        return (process.outputLines.suffix(lines) + process.errorLines.suffix(lines)).joined(separator: "\n")
    }
}
