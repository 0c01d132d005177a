public import KnocknocSystem

/// A server behind the reverse proxy.
public struct Upstream: Hashable, Sendable, CustomStringConvertible {
    public let isSecure: Bool
    public let endpoint: HostPort

    /// Reads `HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`.
    ///
    /// - Throws: ``SystemError`` `invalid` saying what was expected.
    public init(parsing text: String) throws(SystemError) {
        isSecure = text.hasPrefix("https://")
        var rest = text[...]
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        if rest.last == "/" { rest.removeLast() }
        do throws(SystemError) { endpoint = try HostPort(parsing: String(rest)) } catch {
            throw SystemError(.invalid, "--upstream \(error.message), or https:// before it")
        }
    }

    public var description: String { (isSecure ? "https://" : "") + endpoint.description }
}
