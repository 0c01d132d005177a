import Lab

/// What an administrator writes who knows HAProxy: pages stay at a node by a cookie, agents' links go where there is
/// room.
struct HAProxyByHand {
    static let cookie = "KNOCKNOC_NODE"
    /// The load balancer's own certificate and key, and what the nodes' certificates are checked against.
    static let certificate = "/etc/haproxy/portal.pem"
    static let authorities = "/etc/haproxy/nodes.pem"

    /// Names and addresses with ports.
    var nodes: [(name: String, address: String)]

    var text: String {
        """
        global
            log stderr format raw local0 notice
            stats socket /run/haproxy/admin.sock mode 660 level admin
            user haproxy
            group haproxy
            ssl-default-bind-options ssl-min-ver TLSv1.2

        defaults
            mode http
            log global
            option dontlognull
            option redispatch 1
            retries 3
            timeout connect 2s
            timeout client 60s
            timeout server 30s
            timeout http-request 10s
            timeout http-keep-alive 60s
            timeout queue 5s
            timeout tunnel 1h

        frontend portal
            bind :80
            bind :443 ssl crt \(Self.certificate) alpn http/1.1
            http-request redirect scheme https unless { ssl_fc }
            http-request del-header Forwarded
            http-request del-header X-Forwarded-For
            http-request set-header X-Forwarded-Proto https
            option forwardfor
            use_backend links if { path_beg /agent/ }
            default_backend pages

        backend pages
            balance leastconn
            cookie \(Self.cookie) insert indirect nocache httponly secure attr SameSite=Lax
            option httpchk GET /health
            http-check expect status 200
            # A read is done again elsewhere when its node dies over it; a change is not, unless it never left.
            retry-on conn-failure empty-response response-timeout
            http-request disable-l7-retry unless { method GET HEAD }
            default-server \(Self.checks) on-marked-down shutdown-sessions
        \(servers { " cookie \($0)" })

        backend links
            balance leastconn
            option httpchk GET /livez
            http-check expect status 200
            default-server \(Self.checks)
        \(servers { _ in "" })

        """
    }

    private static let checks =
        "check inter 1s fastinter 250ms downinter 250ms rise 1 fall 3 ssl verify required ca-file \(authorities)"

    private func servers(_ options: (String) -> String) -> String {
        nodes.map { "    server \($0.name) \($0.address)\(options($0.name))" }.joined(separator: "\n")
    }
}

extension Machine {
    /// Installs HAProxy with these settings in front of the nodes.
    ///
    /// - Returns: its certificate, which it makes for these names.
    func balance(_ nodes: [Machine], name: String) async throws -> String {
        try await apt("haproxy")
        try await shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$NAME" \
                -addext "subjectAltName=DNS:$NAME" -keyout /tmp/key.pem -out /tmp/cert.pem 2>/dev/null
            umask 077
            cat /tmp/cert.pem /tmp/key.pem >\(HAProxyByHand.certificate)
            rm /tmp/key.pem
            """, environment: ["NAME": name])
        var authorities = ""
        for node in nodes { authorities += try await node.read(Machine.certificate) + "\n" }
        try await write(authorities, to: HAProxyByHand.authorities)
        let port = SingleNode.port
        let settings = HAProxyByHand(nodes: nodes.map { ($0.name, "\($0.ipv4):\(port)") })
        try await write(settings.text, to: "/etc/haproxy/haproxy.cfg")
        try await run(["haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"])
        try await run(["systemctl", "restart", "haproxy.service"])
        return try await read("/tmp/cert.pem")
    }
}
