import KnocknocModel

/// Where a new agent is to dial, and the certificate that it meets there as far as this node can tell.
struct AgentAddress {
    let url: WebOrigin
    /// Whether neither `PublicURL` nor `AgentURL` says so: then it is how somebody's browser came here.
    let isGuessed: Bool
    /// Whether it is an address of this node, which lets no agents in.
    let isShut: Bool
    /// Of the certificate that this node made itself, where the address is this node's; nil where something else may
    /// answer there, such as a load balancer, or where authorities are to vouch for what does.
    let fingerprint: String?
    /// Of that certificate's key, as curl pins it.
    let pin: String?

    /// - Parameters:
    ///   - local: our own address on the connection of the administrator who asks.
    ///   - fingerprint: of the certificate that this node made itself, if it shows that now.
    ///   - pin: of its key.
    init(_ settings: ServerSettings, local: IPAddress?, fingerprint: String?, pin: String? = nil) {
        if let configured = settings.agentURL ?? settings.publicURL {
            (url, isGuessed) = (configured, false)
            self.fingerprint = settings.isOwn(configured) ? fingerprint : nil
        } else {
            // How the administrator came says nothing about it: a load balancer's https is not ours.
            let isSecure = settings.tls != .none
            url = WebOrigin(
                secure: isSecure, host: local?.description ?? settings.listen.host, port: settings.listen.port)
            isGuessed = true
            self.fingerprint = isSecure ? fingerprint : nil
        }
        isShut = !settings.allowAgents && (isGuessed || settings.isOwn(url))
        self.pin = self.fingerprint == nil ? nil : pin
    }

    /// The address as configured, else as this administrator reached us.
    init(_ site: Site, _ context: KnocknocRequestContext) {
        self.init(site.settings, local: context.local, fingerprint: site.live.fingerprint, pin: site.live.pin)
    }

    /// What may keep agents of other machines from it.
    var warning: String? {
        if isShut {
            return "This node lets no agents in (AllowAgents): set AgentURL to the address of one that does."
        }
        if url.isLoopback {
            return "Only this machine reaches \(url). For an agent on another machine set PublicURL or AgentURL."
        }
        guard isGuessed else { return nil }
        return "Neither PublicURL nor AgentURL is set: \(url) is how this request came here."
    }
}

extension ServerSettings {
    /// Whether a URL names this node: its port is the one listened on, and its host stands in our own certificate.
    fileprivate func isOwn(_ url: WebOrigin) -> Bool {
        guard case .selfSigned(let names) = tls, url.secure, (url.port ?? 443) == listen.port else { return false }
        let own = names + [listen.host, "localhost", "127.0.0.1", "::1"]
        return own.contains {
            WebOrigin(secure: true, host: IPAddress($0)?.description ?? $0, port: nil).host == url.host
        }
    }
}
