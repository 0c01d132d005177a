import KnocknocHAProxy
import KnocknocModel
import KnocknocSystem

/// Our part of haproxy.cfg. It stands on its own: its proxies take nothing from the administrator's `defaults`, and
/// nothing in it is for anybody else's proxies.
///
/// Every keyword is in the manuals of HAProxy 2.6 and 3.0.
struct ReverseProxyPart {
    static let marks = HAProxyMarks(
        begin: "# >>> reverse proxy of knocknoc", end: "# <<< reverse proxy of knocknoc",
        remedy: "enable it again")
    static let begin =
        marks.begin
        + ": made and changed by \"knocker enable reverseproxy\"; what stands outside of these two marks is yours"

    /// Begins the name of everything of ours.
    static let name = "knocknoc_door"
    static let host = "txn.\(name)_host"

    let plan: ReverseProxyPlan
    /// HAProxy's runtime socket for the agent.
    let socket: String
    /// Whether the administrator's own text says how long an old worker may live.
    var hasHardStop = false

    var text: String {
        let lines = [[Self.begin], plan.record, global, defaults, front, portal].flatMap { $0 }
        return (lines + plan.doors.flatMap(section) + [Self.marks.end]).joined(separator: "\n") + "\n"
    }

    private var global: [String] {
        [
            "global",
            "    # The agent's: it changes lists, and can do no more.",
            "    stats socket \(socket) mode 660 \(group) level operator",
        ]
            + (hasHardStop
                ? [] : ["    # An old worker serves what it has begun, but not for ever.", "    hard-stop-after 5m"])
    }

    private var group: String { UInt32(plan.group) == nil ? "group \(plan.group)" : "gid \(plan.group)" }

    private var defaults: [String] {
        """

        defaults \(Self.name)
            mode http
            log global
            option httplog
            option dontlognull
            timeout connect 5s
            timeout http-request 10s
            timeout http-keep-alive 30s
            timeout queue 30s
            timeout client 60s
            timeout server 60s
            timeout client-fin 5s
            timeout server-fin 5s
            timeout tunnel 1h
        """.lines
    }

    private var front: [String] {
        let portal = plan.portalUpstream == nil ? [] : plan.portal.spellings
        let known = plan.doors.flatMap { $0.domains.flatMap { plan.origin(of: $0).spellings } } + portal
        var lines = ["", "frontend \(Self.name) from \(Self.name)"] + binds
        lines += [
            "    # Only names that are ours go on, to a server or into an answer; commas are a part of them.",
            "    http-request return status 400 content-type \"text/plain; charset=utf-8\" string "
                + "\"There is more than one Host.\" hdr Cache-Control no-store if { req.fhdr_cnt(host) gt 1 }",
            "    acl \(Self.name)_known req.fhdr(host) -i -m str \(known.joined(separator: " "))",
            "    http-request return status 421 content-type \"text/plain; charset=utf-8\" string "
                + "\"There is no such site here.\" hdr Cache-Control no-store unless \(Self.name)_known",
            "    http-request set-var(\(Self.host)) req.fhdr(host),field(1,:),lower",
        ]
        if plan.isTLS { lines.append("    http-request redirect scheme https code 308 unless { ssl_fc }") }
        lines +=
            """
                # Who the client is, servers are told by us alone. Many take "_" for "-".
                http-request del-header \(Self.header("forwarded")) -m reg
                http-request del-header \(Self.header("x-real-ip")) -m reg
                http-request del-header \(Self.header("x-forwarded-", isBeginning: true)) -m reg
                http-request set-header X-Forwarded-For %[src]
                http-request set-header X-Forwarded-Proto \(plan.isTLS ? "https" : "http")
                http-request set-header X-Forwarded-Host %[req.fhdr(host)]
                # Behind any other upgrade, as to h2c, requests would be out of our sight.
                http-request del-header Upgrade unless { req.fhdr(upgrade) -i -m str websocket } { req.fhdr_cnt(upgrade) 1 }
                http-request del-header \(Self.header("http2-settings")) -m reg
            """.lines
        if plan.portalUpstream != nil {
            lines.append("    use_backend \(Self.name)_portal if { var(\(Self.host)) -m str \(plan.portal.host) }")
        }
        for door in plan.doors {
            let hosts = door.domains.map(\.host).joined(separator: " ")
            lines.append("    use_backend \(Self.name)_\(door.name) if { var(\(Self.host)) -m str \(hosts) }")
        }
        return lines
    }

    /// Matches a header however a server may spell its name: CGI and what came of it know no character of a name but
    /// letters and digits. HAProxy has names in lower case.
    static func header(_ name: String, isBeginning: Bool = false) -> String {
        "^" + name.replacing("-", with: "[^a-z0-9]") + (isBeginning ? "" : "$")
    }

    /// Mozilla's "intermediate" settings, on our own sockets only.
    private var binds: [String] {
        guard case .tls(let certificates) = plan.front else {
            return plan.binds.map { "    bind \($0.text(port: 80))" }
        }
        let tls =
            "ssl \(certificates.map { "crt \($0)" }.joined(separator: " ")) alpn h2,http/1.1 ssl-min-ver TLSv1.2 "
            + "no-tls-tickets ciphers \(HAProxyTLS.ciphers) ciphersuites \(HAProxyTLS.suites)"
        return plan.listeners.map { listener in
            let isRedirect = listener.port == 80 && !plan.binds.contains { $0.port == 80 }
            return "    bind \(listener.text(port: 443))" + (isRedirect ? "" : " " + tls)
        }
    }

    private var portal: [String] {
        guard let upstream = plan.portalUpstream else { return [] }
        return [
            "", "# The portal itself, which is for everybody.", "backend \(Self.name)_portal from \(Self.name)",
            "    server portal \(upstream.endpoint)" + tls(upstream, authority: nil),
        ]
    }

    /// How HAProxy knows that it speaks with an upstream itself.
    func tls(_ upstream: Upstream, authority: String?) -> String {
        let isName = upstream.endpoint.address == nil
        let resolving = isName ? " init-addr last,libc,none" : ""
        guard upstream.isSecure else { return resolving }
        let name = isName ? " verifyhost \(upstream.endpoint.host) sni str(\(upstream.endpoint.host))" : ""
        return " ssl verify required ca-file \(authority ?? "@system-ca")" + name + resolving
    }
}
