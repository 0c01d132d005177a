extension Scaffold {
    /// A `knocknoc.conf` of the server: every key with what it is unless given, but what has to be chosen.
    public static let server = """
        # /opt/knocknoc/etc/knocknoc.conf: settings of "knocknoc serve"; docs/configuration.md says more.
        # Each key may stand in the environment too, as KNOCKNOC_DATABASE_URL, and but for EncryptionKey as a flag.

        # Where the site's database is: several hosts are allowed, and so is all that libpq takes.
        DatabaseURL = postgres:///knocknoc?host=/var/run/postgresql
        # The way past a pooler, for events only.
        # ListenURL = postgres://knocknoc@192.0.2.20:5432/knocknoc

        # Where to listen; a load balancer on another machine needs more than loopback, and TLS.
        Listen = 127.0.0.1:8756
        # What people type; its host is the one that requests may name.
        # PublicURL = https://knocknoc.example
        # The same site by names of one address family each, so that one sign-in opens for both of a browser's addresses.
        # ProbeURLs = https://v4.knocknoc.example, https://v6.knocknoc.example
        # Whether agents may link to this node: not to one that only serves people.
        # AllowAgents = true
        # What agents are told to dial, where that is not PublicURL.
        # AgentURL = https://agents.knocknoc.example
        # Where files declare agents, one each: Name, Zone, TokenHash.
        # AgentsDir = /opt/knocknoc/etc/agents.d
        # Tokens that agents may come with before anybody has made them, as their SHA-256.
        # AgentTokens = sha256:0000000000000000000000000000000000000000000000000000000000000000
        # Packages of the agent, for whoever has an agent's token.
        # DownloadDir = /var/lib/knocknoc/packages
        # Whose X-Forwarded-For is believed: the addresses of your load balancers, or none.
        TrustedForwarders = 127.0.0.1/32
        # AllowAnyForwarder = false

        # A certificate of our own making, or yours.
        # TLSSelfSigned = true
        # TLSSAN = knocknoc.example
        # TLSCertificate = /opt/knocknoc/etc/tls/portal.pem
        # TLSKey = /opt/knocknoc/etc/tls/portal.key
        # Sign-in over plain HTTP beyond this machine; a banner shows on every page.
        # InsecureHTTP = false

        # NodeName = web-1
        # Zone = office
        # How long /health says "draining" before a stop, in seconds.
        # DrainSeconds = 5
        # ApiTokenIdleDays = 90
        # LogLevel = info
        # DataDir = /var/lib/knocknoc
        # An agent for this machine as a child, with SQLite in DataDir instead of DatabaseURL.
        # AllInOne = false
        # AgentBackend = none
        # From "knocknoc genkey"; the same on every node of a site.
        # EncryptionKey = 0000000000000000000000000000000000000000000000000000000000000000
        """

    /// A `knocknoc.conf` of an agent.
    public static let agent = """
        # /opt/knocknoc-agent/etc/knocknoc.conf: settings of "knocknoc-agent run"; docs/configuration.md says more.
        # This file is the ceiling of what any server can make this agent do.

        # The site; several are tried in turn, for ever.
        ServerURL = https://knocknoc.example
        # Further hosts that a server may send this agent to.
        # ServerHosts = *.knocknoc.example
        # What the page of a new agent shows once, in a file that root alone may read.
        TokenFile = /opt/knocknoc-agent/etc/token
        # Trust these certificates alone (several separated by commas), or authorities of your own.
        # TLSFingerprint = 0000000000000000000000000000000000000000000000000000000000000000
        # TLSCAFile = /etc/ssl/certs/ca-certificates.crt
        # InsecureHTTP = false

        # Name = gateway
        # Zone = office
        # Refuse a server that takes this agent for another.
        # ID = 018f0000-0000-7000-8000-000000000000

        # Whom no guard keeps out, and what no server may guard.
        # AlwaysAllow = 192.0.2.0/24
        # NeverGuard = 22
        # Make sets of ipset that a Knoc names and that are not there.
        # CreateSets = false
        # How far any server may go here; what is left out is not limited.
        # AllowBackends = nftables
        # AllowTables = inet filter
        # AllowSets = knocknoc4, knocknoc6
        # AllowPorts = 443, 8000-8100
        # MaxDuration = 12h
        # MaxEntries = 10000
        # MaxPrefix = /64
        # Programs of yours that a server may have called, where they are, what it may give them, and for how long each call.
        # CustomScripts = false
        # ScriptDirectory = /opt/knocknoc-agent/scripts
        # ScriptVariables = HOST, FW_*
        # ScriptSeconds = 10
        # HAProxyFolder = /var/lib/knocknoc-agent/haproxy
        # HAProxySockets = /run/haproxy/
        # "dry-run" changes nothing.
        # Backend = nftables

        # StateFile = /var/lib/knocknoc-agent/state.json
        # KeyFile = /var/lib/knocknoc-agent/keys.json
        # GuardFile = /var/lib/knocknoc-agent/guard.nft
        # HealthListen = 127.0.0.1:8757
        # Where devices fetch allow lists, such as 127.0.0.1:8758.
        # AllowListListen = none
        # TrustRTC = false
        # LogLevel = info
        """
}
