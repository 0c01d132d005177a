import Glibc

/// Live updates as a page receives them (SSE), line by line.
public struct Stream: Sendable {
    public let process: LabProcess

    /// - Parameter address: of the server, port 443; the token is a session's.
    public init(from host: Host, to address: String, token: String) throws {
        process = try host.start(
            ["curl", "--config", "-"],
            input: """
                url = "https://knocknoc.test/api/v1/me/events"
                silent
                show-error
                insecure
                no-buffer
                noproxy = "*"
                resolve = "knocknoc.test:443:\(address)"
                header = "Authorization: Bearer \(token)"

                """)
    }

    /// Waits until a line has come that holds `text`.
    public func line(holding text: String, within limit: Duration = .seconds(60)) async throws {
        _ = try await process.line(within: limit) { $0.contains(text) }
    }

    /// Waits for the next of the comments that hold the stream open.
    public func heartbeat(within limit: Duration = .seconds(60)) async throws {
        _ = try await process.line(from: process.outputLines.count, within: limit) { $0.hasPrefix(":") }
    }

    public func stop() async { await process.stop(SIGKILL) }
}
