import Lab

extension Machine {
    /// The certificate and key that the site has for its portal.
    static let portal = "/etc/ssl/portal.pem"
    /// By which the load balancer keeps a browser at its node.
    static let cookie = "__Host-knocknoc-node"

    /// Puts HAProxy on this host in front of the nodes.
    ///
    /// - Parameter name: of the portal; the site has a certificate for it.
    /// - Returns: the certificate, in PEM.
    func balance(_ nodes: [Machine], name: String) async throws -> String {
        let certificate = try await shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$NAME" \
                -addext "subjectAltName=DNS:$NAME" -keyout /tmp/key.pem -out /tmp/cert.pem 2>/dev/null
            (umask 077; cat /tmp/cert.pem /tmp/key.pem >\(Self.portal))
            cat /tmp/cert.pem
            """, environment: ["NAME": name])
        var command = ["knocker", "haproxy", "--init", "--certificate", Self.portal]
        for node in nodes { command += ["--node", "\(node.name)=\(node.ipv4):\(SingleNode.port)"] }
        try await run(command)
        return certificate
    }
}
