import KnocknocModel

extension ReverseProxyPart {
    /// A path that some server may take for another one: dot segments, doubled slashes, path parameters, what is escaped
    /// without need, and what is no path. It never counts as one that passes, always as one that is closed.
    static let unclear =
        #"'^[^/]|//|/\.\.?(/|$)|[\\;#?]|%([0-7]|c[01]|f[89a-f]|[^0-9a-f]|.[^0-9a-f]|.?$)|[^!-~]'"#

    /// The gate and the servers of a door. The gate looks at each request anew: an entry that has ended lets no further one
    /// through, on a connection that is held open neither.
    func section(_ door: Door) -> [String] {
        var lines = ["", "backend \(Self.name)_\(door.name) from \(Self.name)"] + gate(door) + refusal(door)
        let isMany = door.upstreams.count > 1
        if isMany { lines += ["    balance roundrobin", "    option redispatch 1"] }
        for (index, upstream) in door.upstreams.enumerated() {
            lines.append(
                "    server \(door.name)-\(index + 1) \(upstream.endpoint)" + tls(upstream, authority: door.upstreamCA)
                    + (isMany ? " check" : ""))
        }
        return lines
    }

    private func gate(_ door: Door) -> [String] {
        var lines = [
            "    acl rooted path_beg /",
            "    acl unclear path -m reg -i \(Self.unclear)",
            "    http-request set-var(txn.\(Self.name)_closed) bool(true)",
        ]
        if !door.gatedPaths.isEmpty {
            lines += door.gatedPaths.flatMap { path in
                // Servers may tell no case, and take /x/ for /x.
                path.isPrefix || path.path != "/"
                    ? ["path -i \(path.path)", path.isPrefix ? "path_beg -i \(path.path)/" : "path -i \(path.path)/"]
                    : ["path /"]
            }.map { "    acl closed_path \($0)" }
            lines.append(
                "    http-request set-var(txn.\(Self.name)_closed) bool(false) if !closed_path rooted !unclear")
        }
        if !door.passedPaths.isEmpty {
            lines += door.passedPaths.flatMap { path in
                ["path \(path.path)"] + (path.isPrefix ? ["path_beg \(path.path)/"] : [])
            }.map { "    acl passed_path \($0)" }
            lines.append("    http-request set-var(txn.\(Self.name)_closed) bool(false) if passed_path rooted !unclear")
        }
        if !door.gatedMethods.isEmpty {
            lines += [
                "    acl closed_method method \(door.gatedMethods.joined(separator: " "))",
                "    # Some server may tell no case: what is no method as they are written is closed.",
                "    acl clear_method method -m reg ^[A-Z-]+$",
                "    http-request set-var(txn.\(Self.name)_closed) bool(false) if !closed_method clear_method rooted",
                "    # What passes as one method must not become another behind us.",
            ]
            lines += ["x-http-method", "x-http-method-override", "x-method-override"].map {
                "    http-request del-header \(Self.header($0)) -m reg unless closed_method"
            }
        }
        if !door.gatedPaths.isEmpty || !door.passedPaths.isEmpty {
            lines.append("    # What passes as one path must not become another behind us.")
            lines += ["x-original-url", "x-rewrite-url"].map { "    http-request del-header \(Self.header($0)) -m reg" }
        }
        return lines + [
            "    http-request set-var(txn.\(Self.name)_until) src,map_ip_int(\(plan.list(of: door.name)),0)",
            "    http-request set-var(txn.\(Self.name)_now) date()",
            "    acl let_in var(txn.\(Self.name)_until),sub(txn.\(Self.name)_now) -m int gt 0",
            "    acl closed var(txn.\(Self.name)_closed) -m bool",
        ]
    }

    /// Whoever reads a page is sent to the portal with the address of that page, everybody else is refused.
    private func refusal(_ door: Door) -> [String] {
        let text = "Access to this is closed. Open it at \(plan.portal)/ and come back."
        var lines = [
            "    acl reads method GET HEAD",
            "    acl tells_mode req.hdr(sec-fetch-mode) -m found",
            "    acl navigates req.hdr(sec-fetch-mode) navigate",
            "    acl wants_page req.hdr(accept) -m sub text/html",
        ]
        for domain in door.domains {
            let location = "\(plan.portal)/?referrer=\(Self.escaped(plan.origin(of: domain)))%[pathq,url_enc]"
            for reader in ["navigates", "!tells_mode wants_page"] {
                lines.append(
                    "    http-request return status 302 hdr Location \"\(location)\" hdr Cache-Control no-store if closed "
                        + "!let_in reads \(reader) { var(\(Self.host)) -m str \(domain.host) }")
            }
        }
        lines.append(
            "    http-request return status 403 content-type \"text/plain; charset=utf-8\" string \"\(text)\" "
                + "hdr Cache-Control no-store if closed !let_in")
        return lines
    }

    /// An origin as a part of a query (RFC 3986 §2.1), for a log format of HAProxy's, where `%%` is a percent sign.
    private static func escaped(_ origin: WebOrigin) -> String {
        origin.description.replacing("%", with: "%%25").replacing(":", with: "%%3A").replacing("/", with: "%%2F")
    }
}

extension WebOrigin {
    /// What a browser may write into `Host` for it (RFC 9110 §7.2).
    var spellings: [String] {
        let name = host.contains(":") ? "[\(host)]" : host
        guard let port else { return [name, "\(name):\(secure ? 443 : 80)"] }
        return ["\(name):\(port)"]
    }
}

extension String {
    var lines: [String] { split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
}
