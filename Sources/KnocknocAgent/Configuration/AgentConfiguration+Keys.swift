public import KnocknocModel

extension AgentConfiguration {
    /// Every setting of the agent; the environment's names begin with `KNOCKNOC_AGENT_`.
    public enum Key {
        public static let serverURL = SettingKey("ServerURL", "server", "url")
        public static let serverHosts = SettingKey("ServerHosts", "server", "hosts")
        public static let token = SettingKey("Token", "token")
        public static let tokenFile = SettingKey("TokenFile", "token", "file")
        public static let id = SettingKey("ID", "id")
        public static let name = SettingKey("Name", "name")
        public static let zone = SettingKey("Zone", "zone")
        public static let stateFile = SettingKey("StateFile", "state", "file")
        public static let keyFile = SettingKey("KeyFile", "key", "file")
        public static let guardFile = SettingKey("GuardFile", "guard", "file")
        public static let healthListen = SettingKey("HealthListen", "health", "listen")
        public static let allowListListen = SettingKey("AllowListListen", "allow", "list", "listen")
        public static let tlsCAFile = SettingKey("TLSCAFile", "tls", "ca", "file")
        public static let tlsFingerprint = SettingKey("TLSFingerprint", "tls", "fingerprint")
        public static let insecureHTTP = SettingKey("InsecureHTTP", "insecure", "http")
        public static let alwaysAllow = SettingKey("AlwaysAllow", "always", "allow")
        public static let neverGuard = SettingKey("NeverGuard", "never", "guard")
        public static let createSets = SettingKey("CreateSets", "create", "sets")
        public static let allowBackends = SettingKey("AllowBackends", "allow", "backends")
        public static let allowTables = SettingKey("AllowTables", "allow", "tables")
        public static let allowSets = SettingKey("AllowSets", "allow", "sets")
        public static let allowPorts = SettingKey("AllowPorts", "allow", "ports")
        public static let maxDuration = SettingKey("MaxDuration", "max", "duration")
        public static let maxEntries = SettingKey("MaxEntries", "max", "entries")
        public static let maxPrefix = SettingKey("MaxPrefix", "max", "prefix")
        public static let customScripts = SettingKey("CustomScripts", "custom", "scripts")
        public static let scriptDirectory = SettingKey("ScriptDirectory", "script", "directory")
        public static let scriptVariables = SettingKey("ScriptVariables", "script", "variables")
        public static let scriptSeconds = SettingKey("ScriptSeconds", "script", "seconds")
        public static let haproxyFolder = SettingKey("HAProxyFolder", "haproxy", "folder")
        public static let haproxySockets = SettingKey("HAProxySockets", "haproxy", "sockets")
        public static let trustRTC = SettingKey("TrustRTC", "trust", "rtc")
        public static let logLevel = SettingKey("LogLevel", "log", "level")
        public static let backend = SettingKey("Backend", "backend")

        public static let all = [
            serverURL, serverHosts, token, tokenFile, id, name, zone, stateFile, keyFile, guardFile, healthListen,
            allowListListen, tlsCAFile, tlsFingerprint, insecureHTTP, alwaysAllow, neverGuard, createSets,
            allowBackends, allowTables, allowSets, allowPorts, maxDuration, maxEntries, maxPrefix, customScripts,
            scriptDirectory, scriptVariables, scriptSeconds, haproxyFolder, haproxySockets, trustRTC, logLevel, backend,
        ]
    }

    public static let environmentPrefix = "KNOCKNOC_AGENT"
    /// Whether a variable `KNOCKNOC_AGENT_…` is no setting of the agent: where the server finds its executable.
    public static func isForeign(variable name: String) -> Bool { name == "KNOCKNOC_AGENT_EXECUTABLE" }

    public static let standardFile = "/opt/knocknoc-agent/etc/knocknoc.conf"
    /// Where the packages put the token, for root alone; the service gets it as a credential of systemd's.
    public static let standardTokenFile = "/opt/knocknoc-agent/etc/token"
    public static let standardStateFile = "/var/lib/knocknoc-agent/state.json"
}
