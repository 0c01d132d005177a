public import KnocknocSystem

/// Files to begin with.
public enum Scaffold {
    /// A whole haproxy.cfg for two web nodes, as `knocker haproxy` would make it.
    ///
    /// - Throws: ``SystemError`` where HAProxy's own file is there and cannot be read.
    public static func haproxy(_ layout: HAProxyLayout, console: any Console) throws(SystemError) {
        var change = LoadBalancerChange()
        for (name, host) in [("web-1", "192.0.2.11"), ("web-2", "192.0.2.12")] {
            change.nodes.append(NamedEndpoint(name: name, endpoint: HostPort(host: host, port: 8756)))
        }
        console.tell(
            """
            # Where it names files: \(layout.certificate) holds the certificate chain and key that
            # browsers see, \(layout.folder)/node-NAME.pem the certificate that a node shows, and
            # \(layout.page) what people see while no node answers. "knocker haproxy --init" makes
            # all of these, and keeps what else is in the file.
            """)
        var fresh = layout
        fresh.configuration = layout.folder + "/none"
        try LoadBalancer(layout: fresh, console: console).print(change)
    }
}
