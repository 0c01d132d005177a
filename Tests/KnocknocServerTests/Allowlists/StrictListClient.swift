import Foundation
import Testing

/// A device that fetches a list by curl and takes nothing that it does not understand: one address or network on each
/// line, as inet_pton reads it, or a comment. What it could not fetch, or read, leaves the list that it had.
final class StrictListClient {
    struct Answer {
        var status = 0
        var fields: [String: String] = [:]
        var body = Data()
    }

    struct Fault: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    private let url: String
    var secret: String?
    private(set) var lines: [String] = []
    private(set) var tag: String?
    private(set) var fault: String?

    init(_ url: String, secret: String?) {
        self.url = url
        self.secret = secret
    }

    /// Fetches the list as a device does: with the tag of what it has.
    func poll() async {
        do {
            let answer = try await Self.curl(url, secret: secret, fields: tag.map { ["If-None-Match: \($0)"] } ?? [])
            switch answer.status {
            case 200:
                lines = try Self.read(answer)
                tag = answer.fields["etag"]
                fault = nil
            case 304 where tag != nil && answer.body.isEmpty: fault = nil
            default: throw Fault("status \(answer.status)")
            }
        } catch { fault = "\(error)" }
    }

    static func read(_ answer: Answer) throws -> [String] {
        guard answer.fields["content-type"] == "text/plain; charset=utf-8" else { throw Fault("another type") }
        guard answer.fields["content-length"] == String(answer.body.count) else { throw Fault("another length") }
        guard !answer.body.starts(with: [0xef, 0xbb, 0xbf]) else { throw Fault("a byte order mark") }
        guard answer.body.last == 10, !answer.body.contains(13) else { throw Fault("not lines that end with LF") }
        guard let text = String(validating: answer.body, as: Unicode.ASCII.self) else { throw Fault("not ASCII") }
        var lines: [String] = []
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) where !line.hasPrefix("#")
        {
            let parts = line.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            var bytes = in6_addr()
            let isSix = inet_pton(AF_INET6, parts[0], &bytes) == 1
            guard isSix || inet_pton(AF_INET, parts[0], &bytes) == 1 else { throw Fault("no address: \(line)") }
            guard
                parts.count == 1
                    || parts.count == 2 && Int(parts[1]).map({ (0...(isSix ? 128 : 32)).contains($0) }) == true
            else { throw Fault("no network: \(line)") }
            guard !lines.contains(String(line)) else { throw Fault("twice: \(line)") }
            lines.append(String(line))
        }
        return lines
    }

    /// One request; the secret goes through standard input.
    static func curl(
        _ url: String, secret: String?, method: String = "GET", bearer: Bool = false, fields: [String] = []
    ) async throws -> Answer {
        let head = FileManager.default.temporaryDirectory.path + "/curl-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: head) }
        var lines = [
            "silent", "show-error", "globoff", "max-time = 50", "url = \"\(url)\"", "dump-header = \"\(head)\"",
        ]
        lines.append(method == "HEAD" ? "head" : "request = \"\(method)\"")
        if let secret { lines.append(bearer ? "oauth2-bearer = \"\(secret)\"" : "user = \"any:\(secret)\"") }
        lines += fields.map { "header = \"\($0.replacingOccurrences(of: "\"", with: "\\\""))\"" }
        let (status, output) = try await run(["curl", "--config", "-"], input: lines.joined(separator: "\n") + "\n")
        guard status == 0 else { throw Fault("curl ended with \(status)") }
        var answer = Answer()
        if method != "HEAD" { answer.body = output }
        let text = try String(contentsOfFile: head, encoding: .utf8)
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("HTTP/") {
                answer.status = Int(line.split(separator: " ")[1]) ?? 0
            } else if let colon = line.firstIndex(of: ":") {
                let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                answer.fields[line[..<colon].lowercased()] = value
            }
        }
        return answer
    }

    private static func run(_ command: [String], input: String) async throws -> (Int32, Data) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = FileHandle.nullDevice
        // Reading to the end is what waits for it, and must not hold up anybody else.
        let output = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Data, any Error>) in
            Thread.detachNewThread {
                do {
                    try process.run()
                    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                    try stdin.fileHandleForWriting.close()
                    done.resume(returning: try stdout.fileHandleForReading.readToEnd() ?? Data())
                } catch { done.resume(throwing: error) }
            }
        }
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}
