import KnocknocHAProxy
public import KnocknocSystem

/// HAProxy in front of a site's web nodes, on this machine.
///
/// All that it is made from stands in our part of haproxy.cfg; whatever changes that part shows the difference, has
/// HAProxy itself check the whole file before it takes effect, and puts everything back where it does not work out.
public struct LoadBalancer: Sendable {
    let layout: HAProxyLayout
    let console: any Console
    let service: HAProxyService

    public init(layout: HAProxyLayout, console: any Console) {
        self.layout = layout
        self.console = console
        service = HAProxyService(socket: layout.socket, root: layout.root)
    }

    /// Whether this machine speaks IPv6 at all.
    public static var hasIPv6: Bool { ThisMachine.hasIPv6 }

    /// What a change would make of the file.
    struct Draft {
        var file: HAProxyDraft
        var before: LoadBalancerPlan?
        var plan: LoadBalancerPlan
        /// Nodes that are looked at anew, although they may be where they were.
        var forgotten: Set<String>
    }

    /// - Throws: ``SystemError`` `invalid` where the file or the change cannot be used.
    func draft(_ change: LoadBalancerChange) throws(SystemError) -> Draft {
        var file = try HAProxyDraft(of: layout.configuration, marks: HAProxyLayout.marks)
        let before = try file.text.plan()
        let standard = (
            binds: try FrontAddress.parse("*", hasIPv6: ThisMachine.hasIPv6), certificate: layout.certificate
        )
        let (plan, notes) = try change.applied(to: before, standard: standard)
        notes.forEach(console.note)
        put(plan, in: &file)
        return Draft(file: file, before: before, plan: plan, forgotten: Set(change.removedNodes))
    }

    func put(_ plan: LoadBalancerPlan, in file: inout HAProxyDraft) {
        file.put(part: HAProxyPart(plan: plan, layout: layout, hasHardStop: file.text.hasHardStop).text)
    }

    /// Prints the whole file as it would be. Nothing is asked over the network and nothing is changed.
    public func print(_ change: LoadBalancerChange) throws(SystemError) {
        try draft(change).file.print(to: console)
    }

    /// Has HAProxy check the file as it would be, and says how the nodes are doing where it runs.
    ///
    /// - Throws: ``SystemError`` `invalid` with HAProxy's words.
    public func check(_ change: LoadBalancerChange) async throws {
        let draft = try draft(change)
        try requireOwnName(draft.plan)
        try await draft.file.check(console)
        console.tell("\(layout.configuration): HAProxy accepts it\(draft.file.changes ? " with this change" : "")")
        if service.socket.worker != nil { try await report(draft.plan, untilKnown: false) }
    }

    /// HAProxy knows itself among the peers by the machine's name; without it it would leave the sharing out.
    func requireOwnName(_ plan: LoadBalancerPlan) throws(SystemError) {
        let name = ThisMachine.hostName
        guard !plan.peers.isEmpty, !plan.peers.contains(where: { $0.name == name }) else { return }
        throw SystemError(
            .invalid,
            "no --peer is named \(name), as this machine is; expected all HAProxy machines by their host names, this one "
                + "too: --peer \(name)=ADDRESS:\(plan.peers[0].endpoint.port)")
    }

    /// What a site's administrator has to know of the load balancer as it is now.
    func report(_ plan: LoadBalancerPlan, untilKnown: Bool) async throws {
        let scheme = plan.front == .http ? "http" : "https"
        let places = plan.binds.map { FrontAddress($0.address, port: $0.port ?? plan.standardPort).description }
        console.tell("\(scheme) on \(places.joined(separator: " and ")) for \(plan.nodes.count) web node(s)")
        if case .tls(let path) = plan.front, let shown = try? PEMCertificate(of: SystemFile(path)) {
            let kind = shown.isSelfSigned ? "self-signed, " : ""
            console.tell("certificate \(path): \(kind)SHA-256 \(shown.fingerprint)")
        }
        let status = try await untilKnown ? service.nodes() : service.socket.nodes()
        for node in plan.nodes {
            let pages = status.first { $0.backend == HAProxyPart.pages && $0.name == node.name }
            let how =
                switch node.trust {
                case .plain: "plain HTTP on this machine"
                case .pinned: "TLS, certificate kept in \(layout.pin(node.name))"
                case .authority: "TLS, certificate of an authority"
                }
            let state = pages.map { "\($0.status)\($0.status.hasPrefix("UP") ? "" : " (\($0.check): \($0.detail))")" }
            console.tell("\(node.name) \(node.endpoint): \(state ?? "not known"); \(how)")
        }
        console.tell("On every web node, in /opt/knocknoc/etc/knocknoc.conf, then \"systemctl reload knocknoc\":")
        console.tell(TrustedForwarders.line(for: plan))
    }
}
