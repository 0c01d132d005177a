import Glibc

/// A small process on a host that looks at a port, or is the service behind it.
public struct Probe: Sendable {
    public let process: LabProcess

    private init(_ host: Host, _ arguments: [String]) throws {
        process = try host.start(["python3", "-u", "-c", ProbeProgram.text] + arguments)
    }

    /// The service that sends without being asked, on every address of the host.
    public static func service(on host: Host, port: Int) async throws -> Probe {
        let probe = try Probe(host, ["serve", String(port)])
        _ = try await probe.process.line { $0.hasSuffix("ready") }
        return probe
    }

    /// Tries to connect without a pause.
    public static func watch(from host: Host, to address: String, port: Int) throws -> Probe {
        try Probe(host, ["watch", address, String(port)])
    }

    /// One connection that both sides write to; returns once the first bytes came.
    public static func connection(from host: Host, to address: String, port: Int) async throws -> Probe {
        let probe = try Probe(host, ["hold", address, String(port)])
        _ = try await probe.process.line(within: .seconds(60)) { $0.contains(" received ") || $0.contains(" refused") }
        guard probe.process.outputLines.contains(where: { $0.contains(" connected") }) else {
            throw LabError("no connection to \(address):\(port): \(probe.process.outputLines)")
        }
        return probe
    }

    /// Whether one attempt gets through.
    public static func isOpen(from host: Host, to address: String, port: Int) async throws -> Bool {
        let result = try await Shell.run(
            host.inside(["python3", "-c", ProbeProgram.text, "try", address, String(port)]))
        return result.status == 0
    }

    /// When a watch last saw the port open (attempts begun), with the state now.
    public struct Change: Sendable {
        public var open: Bool
        /// On ``Clock``: when the attempt that showed it was begun, and ended.
        public var begun: Double
        public var ended: Double
    }

    public var changes: [Change] {
        process.outputLines.compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let ended = Double(words[0]), let begun = Double(words[2]) else { return nil }
            return Change(open: words[1] == "open", begun: begun, ended: ended)
        }
    }

    public var isOpen: Bool { changes.last?.open ?? false }

    /// Waits until the watch has seen the port in this state.
    @discardableResult
    public func until(open: Bool, within limit: Duration = .seconds(20)) async throws -> Change {
        let start = max(0, process.outputLines.count - 1)
        _ = try await process.line(from: start, within: limit) { $0.contains(open ? " open " : " closed ") }
        guard let change = changes.last(where: { $0.open == open }) else { throw LabError("a watch that lost a line") }
        return change
    }

    /// The times at which bytes came through, from `peer` where this is the service.
    public func received(from peer: String? = nil) -> [Double] {
        process.outputLines.compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 3, words[1] == "received" else { return nil }
            if let peer, words[2] != peer { return nil }
            return Double(words[0])
        }
    }

    public func stop() async { await process.stop(SIGKILL) }
}
