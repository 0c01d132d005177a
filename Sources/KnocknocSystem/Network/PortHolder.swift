import KnocknocModel

/// Who on this machine listens on a TCP port.
public struct PortHolder: Hashable, Sendable {
    /// Of the process, as `ss` shows it.
    public var program: String
    /// Where it listens, such as `0.0.0.0:443`.
    public var place: String

    /// - Returns: the first that would keep HAProxy from `listener`; nil where it is free.
    public static func of(_ listener: FrontAddress) async throws -> PortHolder? {
        guard let port = listener.port else { return nil }
        let output = try await Command.run(["ss", "-H", "-l", "-n", "-t", "-p", "sport = :\(port)"])
        guard output.succeeded else { return nil }
        return parse(output.text).first { conflicts($0.place, listener) }
    }

    /// Reads the lines of `ss -Hlntp`.
    public static func parse(_ text: String) -> [PortHolder] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count >= 5 else { return nil }
            let users = fields.dropFirst(5).joined(separator: " ")
            let program = users.split(separator: "\"").dropFirst().first.map(String.init) ?? "another program"
            return PortHolder(program: program, place: String(fields[3]))
        }
    }

    /// Whether somebody at `place` keeps `listener` from being used. A wildcard of one family stands beside those of
    /// the other; `*` is a socket of both.
    public static func conflicts(_ place: String, _ listener: FrontAddress) -> Bool {
        guard let colon = place.lastIndex(of: ":") else { return false }
        let host = place[..<colon].filter { $0 != "[" && $0 != "]" }.prefix { $0 != "%" }
        if host == "*" { return true }
        guard let address = IPAddress(String(host)) else { return false }
        guard address.family == listener.address.family else { return false }
        return address == listener.address || address.isUnspecified || listener.address.isUnspecified
    }
}
