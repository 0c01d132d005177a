import KnocknocModel

extension Server {
    /// Where a browser on this machine finds us.
    public func localURL(port: Int) -> String {
        let scheme = settings.tls == .none ? "http" : "https"
        return "\(scheme)://\(ListenAddress(host: localHost, port: port))"
    }

    /// Where people are told to go.
    public func publicURL(port: Int) -> String { settings.publicURL?.description ?? localURL(port: port) }

    /// Whether ``localURL(port:)`` is loopback, over which plain HTTP is fine.
    public var isLocalURLLoopback: Bool { localHost == "localhost" || IPAddress(localHost)?.isLoopback == true }

    private var localHost: String {
        guard let address = IPAddress(settings.listen.host) else { return settings.listen.host }
        guard address.isUnspecified else { return settings.listen.host }
        return address.family == .v4 ? "127.0.0.1" : "::1"
    }
}
