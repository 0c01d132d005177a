public import KnocknocModel

extension ServerSettings {
    /// Every setting of the server; the environment's names begin with `KNOCKNOC_`.
    public enum Key {
        public static let listen = SettingKey("Listen", "listen")
        public static let publicURL = SettingKey("PublicURL", "public", "url")
        public static let probeURLs = SettingKey("ProbeURLs", "probe", "urls")
        public static let trustedForwarders = SettingKey("TrustedForwarders", "trusted", "forwarders")
        public static let allowAnyForwarder = SettingKey("AllowAnyForwarder", "allow", "any", "forwarder")
        public static let databaseURL = SettingKey("DatabaseURL", "database", "url")
        public static let listenURL = SettingKey("ListenURL", "listen", "url")
        public static let dataDir = SettingKey("DataDir", "data", "dir")
        public static let zone = SettingKey("Zone", "zone")
        public static let nodeName = SettingKey("NodeName", "node", "name")
        public static let encryptionKey = SettingKey("EncryptionKey", "encryption", "key")
        public static let logLevel = SettingKey("LogLevel", "log", "level")
        public static let insecureHTTP = SettingKey("InsecureHTTP", "insecure", "http")
        public static let allowAgents = SettingKey("AllowAgents", "allow", "agents")
        public static let agentURL = SettingKey("AgentURL", "agent", "url")
        public static let agentsDir = SettingKey("AgentsDir", "agents", "dir")
        public static let agentTokens = SettingKey("AgentTokens", "agent", "tokens")
        public static let downloadDir = SettingKey("DownloadDir", "download", "dir")
        public static let drainSeconds = SettingKey("DrainSeconds", "drain", "seconds")
        public static let apiTokenIdleDays = SettingKey("ApiTokenIdleDays", "api", "token", "idle", "days")
        public static let tlsCertificate = SettingKey("TLSCertificate", "tls", "certificate")
        public static let tlsKey = SettingKey("TLSKey", "tls", "key")
        public static let tlsSelfSigned = SettingKey("TLSSelfSigned", "tls", "self", "signed")
        public static let tlsSAN = SettingKey("TLSSAN", "tls", "san")
        public static let agentBackend = SettingKey("AgentBackend", "agent", "backend")
        public static let allInOne = SettingKey("AllInOne", "all", "in", "one")

        public static let all = [
            listen, publicURL, probeURLs, trustedForwarders, allowAnyForwarder, databaseURL, listenURL, dataDir, zone,
            nodeName, encryptionKey, logLevel, insecureHTTP, allowAgents, agentURL, agentsDir, agentTokens, downloadDir,
            drainSeconds,
            apiTokenIdleDays, tlsCertificate, tlsKey, tlsSelfSigned, tlsSAN, agentBackend, allInOne,
        ]
    }
}
