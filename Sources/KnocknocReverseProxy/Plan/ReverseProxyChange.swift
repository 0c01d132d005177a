public import KnocknocModel
public import KnocknocSystem

/// What somebody asks for on the command line; what is not named stays as it is.
public struct ReverseProxyChange: Sendable {
    /// The door that is meant; made where there is none of that name.
    public var name = "door"
    public var domains: [Domain] = []
    public var upstreams: [Upstream] = []
    public var upstreamCA: String?
    /// nil stays; empty gates everything.
    public var gatedPaths: [GatePath]?
    /// nil stays; empty lets nothing pass.
    public var passedPaths: [GatePath]?
    /// nil stays; empty gates every method.
    public var gatedMethods: [String]?
    public var portal: WebOrigin?
    public var portalUpstream: Upstream?
    public var binds: [FrontAddress] = []
    public var certificates: [String] = []
    public var httpOnly = false

    public init() {}

    /// The plan after this change.
    ///
    /// - Parameters:
    ///   - plan: what is there; nil where nothing is.
    ///   - agent: whose lists and group are meant.
    /// - Throws: ``SystemError`` `invalid` where no working reverse proxy would be left.
    func applied(
        to plan: ReverseProxyPlan?, agent: AgentPlace, standard: [FrontAddress]
    ) throws(SystemError) -> ReverseProxyPlan {
        guard let portal = portal ?? plan?.portal else {
            throw SystemError(.invalid, "where people sign in is not known; expected --portal https://HOST[:PORT]")
        }
        var new =
            plan
            ?? ReverseProxyPlan(
                portal: portal, binds: standard, front: .tls(certificates: []), lists: "", group: "", doors: [])
        new.portal = portal
        if let portalUpstream { new.portalUpstream = portalUpstream }
        if !binds.isEmpty { new.binds = binds }
        if httpOnly { new.front = .http }
        if !certificates.isEmpty { new.front = .tls(certificates: certificates) }
        (new.lists, new.group) = (agent.lists, agent.groupName)
        var door = new.doors.first { $0.name == name } ?? Door(name: name, domains: [], upstreams: [])
        if !domains.isEmpty { door.domains = domains }
        if !upstreams.isEmpty {
            door.upstreams = upstreams
            if !upstreams.contains(where: \.isSecure) { door.upstreamCA = nil }
        }
        if let upstreamCA {
            try ReverseProxyPlan.requirePlain(upstreamCA, "--upstream-ca")
            door.upstreamCA = upstreamCA
        }
        if let gatedPaths { door.gatedPaths = gatedPaths.contains(where: \.isEverything) ? [] : gatedPaths }
        if let passedPaths { door.passedPaths = passedPaths }
        if let gatedMethods { door.gatedMethods = gatedMethods }
        if let index = new.doors.firstIndex(where: { $0.name == name }) {
            new.doors[index] = door
        } else {
            new.doors.append(door)
        }
        if door.passedPaths.contains(where: \.isEverything) {
            throw SystemError(.invalid, "--pass-path /* would close nothing at all")
        }
        try new.check()
        return new
    }
}
