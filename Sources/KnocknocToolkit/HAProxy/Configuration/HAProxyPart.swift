import KnocknocHAProxy
import KnocknocSystem

/// Our part of haproxy.cfg. It stands on its own: its proxies take nothing from the administrator's `defaults`, and
/// nothing in it is for anybody else's proxies.
///
/// Every keyword is in the manuals of HAProxy 2.6 and 3.0.
struct HAProxyPart {
    static let begin =
        "# >>> knocknoc: made and changed by \"knocker haproxy\"; what stands outside of these two marks is yours"
    static let end = "# <<< knocknoc"

    static let pages = "knocknoc_pages"
    static let links = "knocknoc_links"
    static let waiting = "knocknoc_waiting"
    static let fence = "knocknoc_fence"

    /// Refused sign-ins of one network within ten seconds, beyond which HAProxy answers itself.
    static let fenceLimit = 100

    let plan: LoadBalancerPlan
    let layout: HAProxyLayout
    /// Whether the administrator's own text says how long an old worker may live.
    var hasHardStop = false

    var text: String {
        ([[Self.begin], plan.record, global, defaults, peers, fence, front, pages, waiting, links].joined() + [Self.end])
            .joined(separator: "\n") + "\n"
    }

    private var isTLS: Bool { plan.front != .http }

    private var global: [String] {
        [
            "global",
            "    stats socket \(layout.socket) mode 660 group haproxy level admin expose-fd listeners",
        ]
            + (hasHardStop
                ? []
                : [
                    "    # An old worker serves what it has begun, but links of agents would keep it for ever.",
                    "    hard-stop-after 5m",
                ])
    }

    private var defaults: [String] {
        """

        defaults knocknoc
            mode http
            log global
            option httplog
            option dontlognull
            timeout connect 2s
            timeout http-request 10s
            timeout http-keep-alive 30s
            # A reload closes no connection that a request may already be on its way over.
            option idle-close-on-response
            timeout queue 5s
            # Live updates (SSE) send something every 15 s.
            timeout client 60s
            timeout server 60s
            timeout client-fin 5s
            timeout server-fin 5s
            # Links of agents (WebSocket) send something every 5 s.
            timeout tunnel 30s
        """.lines
    }

    private var peers: [String] {
        guard !plan.peers.isEmpty else { return [] }
        return ["", "peers knocknoc"] + plan.peers.map { "    peer \($0.name) \($0.endpoint)" }
    }

    private var fence: [String] {
        """

        # Counts refused sign-ins by network (IPv4 by address, IPv6 by /64). A second fence: the nodes have rules of their own.
        backend \(Self.fence) from knocknoc
            stick-table type ipv6 size 100k expire 1m store gpc0,gpc0_rate(10s)\(plan.peers.isEmpty ? "" : " peers knocknoc")
        """.lines
    }

    private var front: [String] {
        ["", "frontend knocknoc from knocknoc"] + binds
            + (isTLS ? ["    http-request redirect scheme https code 308 unless { ssl_fc }"] : [])
                + """
                    # Who the client is, nodes are told by us alone.
                    http-request del-header Forwarded
                    http-request del-header X-Real-IP
                    http-request del-header X-Forwarded- -m beg
                    http-request set-header X-Forwarded-For %[src]
                    http-request set-header X-Forwarded-Proto \(isTLS ? "https" : "http")
                    acl knocknoc_sign_in method POST
                    acl knocknoc_sign_in_path path,url_dec -m dir login
                    http-request track-sc0 src,ipmask(32,64) table \(Self.fence) if knocknoc_sign_in knocknoc_sign_in_path
                    http-request return status 429 content-type "text/plain; charset=utf-8" \
                string "Too many sign-ins from your network were refused. Wait ten seconds." hdr Retry-After 10 \
                if knocknoc_sign_in knocknoc_sign_in_path { sc0_gpc0_rate gt \(Self.fenceLimit) }
                    http-response sc-inc-gpc0(0) if { status 401 429 }
                    # A worker that serves its last requests counts no servers, and has them all the same.
                    http-request return status 503 content-type "application/problem+json" \
                string '{"type":"about:blank","title":"No node answers","status":503,"detail":"Try again in a moment."}' \
                hdr Retry-After 2 if { path_beg /api/ } { nbsrv(\(Self.pages)) eq 0 } { nbsrv(\(Self.waiting)) eq 0 } !{ stopping }
                    use_backend \(Self.links) if { path /agent/v1/link }
                    use_backend \(Self.waiting) if { nbsrv(\(Self.pages)) eq 0 } { nbsrv(\(Self.waiting)) gt 0 }
                    default_backend \(Self.pages)
                """.lines.map { "    " + $0.drop { $0 == " " } }
    }

    /// Mozilla's "intermediate" settings, on our own sockets only.
    private var binds: [String] {
        guard case .tls(let certificate) = plan.front else {
            return plan.binds.map { "    bind \($0.text(port: 80))" }
        }
        let tls =
            "ssl crt \(certificate) alpn h2,http/1.1 ssl-min-ver TLSv1.2 no-tls-tickets "
            + "ciphers \(HAProxyTLS.ciphers) ciphersuites \(HAProxyTLS.suites)"
        return plan.listeners.map { listener in
            let isRedirect = listener.port == 80 && !plan.binds.contains { $0.port == 80 }
            return "    bind \(listener.text(port: 443))" + (isRedirect ? "" : " " + tls)
        }
    }

    private var cookie: String {
        (isTLS
            ? "__Host-knocknoc-node insert indirect nocache httponly secure"
            : "knocknoc-node insert indirect nocache httponly") + " attr SameSite=Lax"
    }

    private var pages: [String] {
        """

        backend \(Self.pages) from knocknoc
            balance roundrobin
            cookie \(cookie)
            option redispatch 1
            retries 3
            # What was sent is sent again only where that changes nothing.
            retry-on conn-failure empty-response
            http-request disable-l7-retry unless { method GET HEAD OPTIONS }
            option httpchk
            http-check send meth GET uri /health ver HTTP/1.1 hdr Host knocknoc
            # A node that drains finishes what it has, and gets nobody new.
            http-check expect ! string draining error-status L7OKC
            http-check expect status 200
            timeout check 3s
        \(unavailable)
            load-server-state-from-file local
            server-state-file-name \(layout.state(Self.pages))
            default-server check inter 1s fastinter 250ms downinter 250ms rise 1 fall 3 on-marked-down shutdown-sessions
        """.lines + plan.nodes.map { server($0) + " cookie \($0.name)" }
    }

    private var waiting: [String] {
        """

        # No node is well, as while the database fails over: those that live wait for it up to 5 s before they refuse.
        backend \(Self.waiting) from knocknoc
            balance roundrobin
            cookie \(cookie)
            option redispatch 1
            retries 3
            retry-on conn-failure empty-response
            http-request disable-l7-retry unless { method GET HEAD OPTIONS }
        \(unavailable)
            http-response return \(page(503)) if { status 503 } { res.hdr(content-type) -m beg text/html }
            default-server on-marked-down shutdown-sessions
        """.lines + plan.nodes.map { server($0) + " track \(Self.links)/\($0.name) cookie \($0.name)" }
    }

    /// The page for people where a backend has no answer.
    private var unavailable: String { [502, 503, 504].map { "    http-error \(page($0))" }.joined(separator: "\n") }

    private func page(_ status: Int) -> String {
        "status \(status) content-type \"text/html; charset=utf-8\" file \(layout.page) "
            + "hdr Retry-After 2 hdr Cache-Control no-store"
    }

    private var links: [String] {
        """

        # Links of agents stay where they are while the process lives: a node that lacks its database sends them away itself.
        backend \(Self.links) from knocknoc
            balance roundrobin
            option redispatch 1
            retries 3
            retry-on conn-failure empty-response 503
            option httpchk
            http-check send meth GET uri /livez ver HTTP/1.1 hdr Host knocknoc
            http-check expect status 200
            timeout check 3s
            load-server-state-from-file local
            server-state-file-name \(layout.state(Self.links))
            default-server check inter 1s fastinter 250ms downinter 250ms rise 1 fall 3
        """.lines + plan.nodes.map(server)
    }

    private func server(_ node: WebNode) -> String {
        let line = "    server \(node.name) \(node.endpoint)"
        let isName = node.endpoint.address == nil
        let resolving = isName ? " init-addr last,libc,none" : ""
        switch node.trust {
        case .plain: return line + resolving
        case .pinned: return line + " ssl verify required ca-file \(layout.pin(node.name))" + resolving
        case .authority:
            let name = isName ? " sni str(\(node.endpoint.host))" : ""
            return line + " ssl verify required ca-file @system-ca verifyhost \(node.endpoint.host)\(name)" + resolving
        }
    }
}

extension String {
    fileprivate var lines: [String] { split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
}
