public import KnocknocModel
public import KnocknocSystem

/// What our part of haproxy.cfg is made from; it is written into that part as comments, so that the file is all there
/// is to know.
public struct ReverseProxyPlan: Hashable, Sendable {
    public enum Front: Hashable, Sendable {
        /// PEM files of chain and key.
        case tls(certificates: [String])
        /// No TLS at all: for a test, or behind something else that ends it.
        case http
    }

    /// Where people sign in.
    public var portal: WebOrigin
    /// Where the portal answers on this machine, where it is reached through this front too.
    public var portalUpstream: Upstream?
    public var binds: [FrontAddress]
    public var front: Front
    /// The agent's folder, in which each door has its list.
    public var lists: String
    /// The agent's group, which may use the runtime socket.
    public var group: String
    public var doors: [Door]

    public func list(of door: String) -> String { "\(lists)/\(door).map" }

    var isTLS: Bool { front != .http }
    var standardPort: Int { isTLS ? 443 : 80 }

    /// The addresses and ports that HAProxy holds for us: the fronts, and port 80 beside a 443 for the redirect.
    public var listeners: [FrontAddress] {
        var all: [FrontAddress] = []
        for bind in binds {
            let port = bind.port ?? standardPort
            all.append(FrontAddress(bind.address, port: port))
            if isTLS, port == 443 { all.append(FrontAddress(bind.address, port: 80)) }
        }
        return all
    }

    /// The ports on which doors are, which a Knoc names so that flows are cut.
    public var ports: [Int] { Set(binds.map { $0.port ?? standardPort }).sorted() }

    /// The port that a browser has in a site's address.
    func port(of domain: Domain) -> Int { domain.port ?? ports.first ?? standardPort }

    /// A site's address, as a Knoc has it.
    public func origin(of domain: Domain) -> WebOrigin {
        WebOrigin(secure: isTLS, host: domain.host, port: port(of: domain))
    }

    /// - Throws: ``SystemError`` `invalid` where it would make no working reverse proxy.
    public func check() throws(SystemError) {
        for door in doors { try door.check() }
        let names = doors.flatMap { $0.domains.map(\.host) }
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw SystemError(.invalid, "two doors answer to \(twice); expected each name at one --name alone")
        }
        if names.contains(portal.host) {
            throw SystemError(.invalid, "\(portal.host) is the portal's own name; expected another --domain")
        }
        guard portal.host.utf8.allSatisfy(Self.isHost) else {
            throw SystemError(.invalid, "--portal \"\(portal)\": expected https://HOST[:PORT]")
        }
        guard case .tls(let certificates) = front else { return }
        guard !certificates.isEmpty else {
            throw SystemError(
                .invalid,
                "there is no certificate; expected --certificate PEM (chain and key in one file), or --http-only")
        }
        for path in certificates { try Self.requirePlain(path, "--certificate") }
    }

    /// Whether a path can stand in HAProxy's configuration and in our comments as it is.
    static func requirePlain(_ path: String, _ flag: String) throws(SystemError) {
        let fits = path.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"\"'\\#$".utf8.contains($0) }
        guard path.hasPrefix("/"), fits else {
            throw SystemError(.invalid, "\(flag) \"\(path)\": expected an absolute path without spaces, quotes or #")
        }
    }

    private static func isHost(_ byte: UInt8) -> Bool {
        (48...58).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46
    }
}
