public import KnocknocSystem

/// A web node as HAProxy reaches it.
public struct WebNode: Hashable, Sendable {
    /// How HAProxy knows that it speaks with the node itself.
    public enum Trust: String, Hashable, Sendable {
        /// Plain HTTP, on this machine only.
        case plain
        /// TLS, with the very certificate that the node showed when it was added.
        case pinned
        /// TLS, with a certificate of an authority that this machine trusts, for the node's name.
        case authority
    }

    public var name: String
    public var endpoint: HostPort
    public var trust: Trust

    public init(name: String, endpoint: HostPort, trust: Trust) {
        self.name = name
        self.endpoint = endpoint
        self.trust = trust
    }
}

/// `NAME=HOST:PORT`: a node or another HAProxy, as it is given on a command line.
public struct NamedEndpoint: Hashable, Sendable {
    public var name: String
    public var endpoint: HostPort

    public init(name: String, endpoint: HostPort) {
        self.name = name
        self.endpoint = endpoint
    }

    /// - Throws: ``SystemError`` `invalid` naming the part that cannot be used and what was expected.
    public init(parsing text: String) throws(SystemError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw SystemError(.invalid, "\"\(text)\": expected NAME=HOST:PORT, such as web-1=192.0.2.11:8756")
        }
        try Self.check(name: String(parts[0]))
        do throws(SystemError) {
            self.init(name: String(parts[0]), endpoint: try HostPort(parsing: String(parts[1])))
        } catch {
            throw SystemError(.invalid, "\(parts[0]): \(error.message)")
        }
    }

    /// Names stand in HAProxy's configuration and in the cookie that a browser keeps.
    ///
    /// - Throws: ``SystemError`` `invalid`.
    public static func check(name: String) throws(SystemError) {
        let fits = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [45, 46, 95].contains(byte)
        }
        guard fits, (1...63).contains(name.utf8.count), name.first != "-", name.first != "." else {
            throw SystemError(
                .invalid, "\"\(name)\" cannot be a name; expected 1 to 63 letters, digits, dots, - or _, such as web-1")
        }
    }
}
