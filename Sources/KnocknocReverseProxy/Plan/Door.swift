public import KnocknocSystem

/// What is behind the reverse proxy under names of its own: whom it lets in a list of the agent's says.
public struct Door: Hashable, Sendable {
    /// Names its section, its list, and itself on the command line.
    public var name: String
    public var domains: [Domain]
    public var upstreams: [Upstream]
    /// An authority, or the upstream's own certificate, in PEM; nil: the system's authorities.
    public var upstreamCA: String?
    /// What is closed to those whom nobody let in; empty is everything.
    public var gatedPaths: [GatePath] = []
    /// What passes all the same.
    public var passedPaths: [GatePath] = []
    /// The methods that are closed; empty is all.
    public var gatedMethods: [String] = []

    public init(name: String, domains: [Domain], upstreams: [Upstream]) {
        self.name = name
        self.domains = domains
        self.upstreams = upstreams
    }

    /// - Throws: ``SystemError`` `invalid` where it would be no door.
    func check() throws(SystemError) {
        try Self.check(name: name)
        guard !domains.isEmpty else {
            throw SystemError(.invalid, "\(name) has no name for browsers; expected --domain app.example")
        }
        guard !upstreams.isEmpty else {
            throw SystemError(.invalid, "\(name) has nothing behind it; expected --upstream HOST:PORT")
        }
        if upstreamCA != nil, !upstreams.contains(where: \.isSecure) {
            throw SystemError(.invalid, "--upstream-ca is for https; expected --upstream https://HOST:PORT")
        }
        for upstream in upstreams where upstream.isSecure && upstreamCA == nil && upstream.endpoint.address != nil {
            throw SystemError(
                .invalid,
                "\(upstream): no authority vouches for an address; expected a name, or its own certificate as "
                    + "--upstream-ca PEM")
        }
    }

    /// - Throws: ``SystemError`` `invalid`.
    public static func check(name: String) throws(SystemError) {
        let fits = name.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 }
        guard fits, (1...31).contains(name.utf8.count), name.first != "-", name.first != "_" else {
            throw SystemError(.invalid, "--name \"\(name)\": expected 1 to 31 of a-z, 0-9, - and _, such as wiki")
        }
    }

    /// Methods as a request has them; whoever gates GET gates HEAD.
    ///
    /// - Throws: ``SystemError`` `invalid`.
    public static func methods(_ texts: [String]) throws(SystemError) -> [String] {
        var methods: [String] = []
        for text in texts.flatMap({ $0.split(separator: ",").map(String.init) }) {
            let method = text.uppercased()
            guard (1...20).contains(method.utf8.count), method.utf8.allSatisfy({ (65...90).contains($0) || $0 == 45 })
            else { throw SystemError(.invalid, "--gate-method \"\(text)\": expected such as POST, or all") }
            if method == "ALL" { return [] }
            methods += method == "GET" ? ["GET", "HEAD"] : [method]
        }
        return methods.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
