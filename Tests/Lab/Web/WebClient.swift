import Foundation

/// Somebody on a host of the lab who speaks HTTP: a browser's cookies or a script's bearer token.
public actor WebClient {
    public nonisolated let host: Host
    /// Such as `https://knocknoc.test:8756`, with the address that the name stands for.
    public nonisolated let base: String
    private let address: String
    private let folder: URL
    public var token: String?
    private var number = 0

    /// - Parameter address: of the server; IPv6 without brackets.
    public init(on host: Host, base: String, address: String, token: String? = nil) throws {
        self.host = host
        self.base = base
        self.address = address
        self.token = token
        folder = try Lab.temporaryFolder("web")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    public func use(token: String?) { self.token = token }

    private nonisolated var jar: String { folder.path + "/cookies" }

    /// The cookies as `name=value`, for a test that steals one.
    public func cookies() -> [String: String] {
        let text = (try? String(contentsOfFile: jar, encoding: .utf8)) ?? ""
        var result: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let line = line.hasPrefix("#HttpOnly_") ? line.dropFirst(10) : line
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            if fields.count >= 7, !line.hasPrefix("#") { result[String(fields[5])] = String(fields[6]) }
        }
        return result
    }

    /// One request; never throws for what a server answers, so that tests can look at it.
    ///
    /// - Parameters:
    ///   - body: sent as it is.
    ///   - limit: seconds.
    public func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: String? = nil, limit: Int = 15
    ) async throws -> Answer {
        number += 1
        // Others may be sending while this one waits for its answer.
        let number = number
        let (bodyFile, headerFile) = ("\(folder.path)/body\(number)", "\(folder.path)/head\(number)")
        let authority = base.split(separator: "/", maxSplits: 2).last.map(String.init) ?? ""
        let wrapped = address.contains(":") ? "[\(address)]" : address
        var lines = [
            "url = \"\(base)\(path)\"", "request = \"\(method)\"", "silent", "show-error", "insecure",
            "max-time = \(limit)", "output = \"\(bodyFile)\"", "dump-header = \"\(headerFile)\"",
            "write-out = \"%{http_code}\"", "cookie = \"\(jar)\"", "cookie-jar = \"\(jar)\"", "noproxy = \"*\"",
            "resolve = \"\(authority):\(wrapped)\"",
        ]
        var headers = headers
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        for (name, value) in headers { lines.append("header = \"\(name): \(Self.quoted(value))\"") }
        if let body {
            try Data(body.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/sent\(number)"))
            lines.append("data-binary = \"@\(folder.path)/sent\(number)\"")
            if !headers.contains(where: { $0.0.lowercased() == "content-type" }) {
                lines.append("header = \"Content-Type: application/json\"")
            }
        }
        let result = try await Shell.run(
            host.inside(["curl", "--config", "-"]), input: lines.joined(separator: "\n") + "\n")
        defer {
            for file in [bodyFile, headerFile, "\(folder.path)/sent\(number)"] {
                try? FileManager.default.removeItem(atPath: file)
            }
        }
        return Answer(
            status: Int(result.text) ?? 0,
            headers: Self.headers((try? String(contentsOfFile: headerFile, encoding: .utf8)) ?? ""),
            body: (try? Data(contentsOf: URL(fileURLWithPath: bodyFile))) ?? Data(), failure: result.errors)
    }

    public func get(_ path: String) async throws -> Answer { try await send("GET", path) }

    public func send(_ method: String, _ path: String, _ json: JSON) async throws -> Answer {
        try await send(method, path, body: json.description)
    }

    /// A form as a browser on this site's own page sends it.
    public func submit(_ path: String, _ fields: [(String, String)], origin: String? = nil) async throws -> Answer {
        let body = fields.map { "\(Self.encoded($0.0))=\(Self.encoded($0.1))" }.joined(separator: "&")
        return try await send(
            "POST", path,
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin ?? base),
                ("Sec-Fetch-Site", origin == nil ? "same-origin" : "cross-site"), ("Sec-Fetch-Mode", "navigate"),
            ], body: body)
    }

    /// The JSON answer of a request that must succeed with this status.
    @discardableResult
    public func expect(_ status: Int, _ method: String, _ path: String, _ json: JSON? = nil) async throws -> JSON {
        let answer = try await send(method, path, body: json?.description)
        guard answer.status == status else { throw LabError("\(method) \(path): expected \(status), got \(answer)") }
        return answer.json
    }

    private static func quoted(_ text: String) -> String {
        text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    private static func headers(_ text: String) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("HTTP/") {
                result = [:]
                continue
            }
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            result[line[..<colon].lowercased(), default: []].append(String(value))
        }
        return result
    }
}
