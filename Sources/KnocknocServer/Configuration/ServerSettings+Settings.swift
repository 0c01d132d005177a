import KnocknocAccess
public import KnocknocModel
import KnocknocStore
import Logging

extension ServerSettings {
    /// Reads settings.
    ///
    /// - Parameters:
    ///   - hostName: the name of this machine, the node's name unless one is given.
    ///   - workingDirectory: what a relative `--data-dir` is relative to; elsewhere it must be absolute.
    /// - Throws: ``ConfigurationError`` naming every place that is wrong and what was expected there.
    public init(settings: Settings, hostName: String, workingDirectory: String) throws(ConfigurationError) {
        var reader = SettingsReader(settings)
        let listen =
            reader.value(Key.listen, expected: "HOST:PORT such as 127.0.0.1:8756 or [::]:8756", ListenAddress.init)
            ?? ListenAddress(host: "127.0.0.1", port: 8756)
        let directory = reader.text(Key.dataDir)
        if let directory, !directory.hasPrefix("/"), !reader.isFlag(Key.dataDir) {
            reader.refuse(
                Key.dataDir,
                "DataDir: \"\(directory)\" is relative to wherever we are started; expected an absolute path")
        }
        let absolute = (directory ?? Self.standardDataDirectory).rooted(in: workingDirectory)
        let node =
            reader.value(Key.nodeName, expected: "1 to 63 letters, digits, dots, - or _", Self.name) ?? hostName
        self.init(listen: listen, databaseURL: "", dataDirectory: absolute, nodeName: node)

        let url = Self.databaseURL(Key.databaseURL, &reader)
        allInOne = reader.flag(Key.allInOne, default: url == nil && directory != nil)
        if let url {
            databaseURL = url
        } else if allInOne || directory != nil {
            databaseURL = "sqlite://\(absolute)/knocknoc.db"
        } else {
            reader.refuse(
                Key.databaseURL,
                "DatabaseURL is missing; expected postgres://USER@HOST/NAME, or DataDir (--data-dir) for a database "
                    + "in a file of this machine")
        }
        listenURL = reader.value(Key.listenURL, expected: "postgres://USER@HOST/NAME", secret: true) { text in
            text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") ? text : nil
        }
        if listenURL != nil { _ = Self.databaseURL(Key.listenURL, &reader) }
        if listenURL != nil, databaseURL.hasPrefix("sqlite:") {
            reader.refuse(Key.listenURL, "ListenURL is the way past a pooler; expected it with a Postgres DatabaseURL")
        }
        zone = reader.value(Key.zone, expected: "1 to 63 letters, digits, dots, - or _", Self.name)
        logLevel = Self.logLevel(&reader)
        insecureHTTP = reader.flag(Key.insecureHTTP, default: false)
        publicURL = reader.value(Key.publicURL, expected: "https://HOST[:PORT]", WebOrigin.init)
        readProbeURLs(&reader)
        agentURL = reader.value(Key.agentURL, expected: "https://HOST[:PORT]", WebOrigin.init)
        agentTokens =
            reader.value(
                Key.agentTokens, expected: "tokens of 43 characters or more, or sha256: and 64 hexadecimal digits",
                secret: true, AgentTokenList.hashes) ?? []
        agentsDirectory = reader.value(Key.agentsDir, expected: "an absolute path") {
            $0.hasPrefix("/") ? $0.rooted(in: "/") : nil
        }
        downloadDirectory = reader.value(Key.downloadDir, expected: "an absolute path") {
            $0.hasPrefix("/") ? $0.rooted(in: "/") : nil
        }
        drainSeconds =
            reader.value(Key.drainSeconds, expected: "seconds from 0 to 300") {
                Int($0).flatMap { (0...300).contains($0) ? $0 : nil }
            } ?? (allInOne ? 0 : 5)
        if reader.text(Key.apiTokenIdleDays)?.lowercased() == "none" {
            apiTokenIdleDays = nil
        } else {
            apiTokenIdleDays =
                reader.value(Key.apiTokenIdleDays, expected: "days from 1 to 3650, or none") {
                    Int($0).flatMap { (1...3650).contains($0) ? $0 : nil }
                } ?? 90
        }
        agentBackend =
            reader.value(Key.agentBackend, expected: "dry-run or none", AgentBackend.init(rawValue:)) ?? .automatic
        allowAgents = reader.flag(Key.allowAgents, default: true)
        if !allowAgents, allInOne, agentBackend != .none {
            reader.refuse(
                Key.allowAgents,
                "AllowAgents: false keeps out the agent that AllInOne starts; expected true, or AgentBackend = none")
        }
        trustedForwarders = Self.forwarders(&reader)
        readTLS(&reader)
        readEncryptionKey(&reader)
        try reader.finish()
    }

    /// The URL as it was given, refused where no database can be meant: with its password it is never repeated.
    private static func databaseURL(_ key: SettingKey, _ reader: inout SettingsReader) -> String? {
        guard let text = reader.text(key) else { return nil }
        do throws(StoreError) {
            _ = try DatabaseURL(text, setting: key.name).places(setting: key.name)
        } catch { reader.refuse(key, error.message) }
        return text
    }

    /// Names of the same site; a page of PublicURL shows its reader's other addresses there.
    private mutating func readProbeURLs(_ reader: inout SettingsReader) {
        probeURLs = reader.list(Key.probeURLs, expected: "https://HOST[:PORT]", WebOrigin.init)
        guard let first = probeURLs.first else { return }
        guard let publicURL else {
            return reader.refuse(
                Key.probeURLs, "ProbeURLs needs PublicURL, whose pages alone may ask there; expected both")
        }
        if probeURLs.count > 4 || Set(probeURLs).count < probeURLs.count {
            reader.refuse(Key.probeURLs, "ProbeURLs: expected at most 4 different ones, one for each address family")
        }
        if probeURLs.contains(where: { $0.host == publicURL.host }) {
            reader.refuse(
                Key.probeURLs,
                "ProbeURLs: \(publicURL.host) is PublicURL's own; expected names that have addresses of one family each"
            )
        }
        if publicURL.secure, probeURLs.contains(where: { !$0.secure }) {
            reader.refuse(
                Key.probeURLs, "ProbeURLs: \(first) would be blocked by browsers on an https page; expected https://")
        }
    }

    private mutating func readTLS(_ reader: inout SettingsReader) {
        let path: (String) -> String? = { $0.hasPrefix("/") ? $0 : nil }
        let certificate = reader.value(Key.tlsCertificate, expected: "an absolute path", path)
        let key = reader.value(Key.tlsKey, expected: "an absolute path", path)
        let names = reader.list(Key.tlsSAN, expected: "host names or addresses") { text in
            text.contains("/") || text.contains(" ") ? nil : text
        }
        let selfSigned = reader.flag(Key.tlsSelfSigned, default: false)
        switch (certificate, key) {
        case (let certificate?, let key?):
            if selfSigned {
                reader.refuse(Key.tlsSelfSigned, "TLSSelfSigned and TLSCertificate exclude each other; expected one")
            }
            tls = .files(certificate: certificate, key: key)
        case (.some, nil):
            reader.refuse(Key.tlsCertificate, "TLSCertificate is given without TLSKey; expected both")
        case (nil, .some):
            reader.refuse(Key.tlsKey, "TLSKey is given without TLSCertificate; expected both")
        case (nil, nil):
            if selfSigned { tls = .selfSigned(names: names) }
        }
        if !selfSigned, !names.isEmpty {
            reader.refuse(Key.tlsSAN, "TLSSAN names the self-signed certificate; expected TLSSelfSigned = true with it")
        }
    }

    /// The setting, else what came with the connection string, which is kept without it from here on.
    private mutating func readEncryptionKey(_ reader: inout SettingsReader) {
        let given = reader.value(
            Key.encryptionKey, expected: "what knocknoc genkey prints, or none", secret: true
        ) { text -> KeyProtection? in
            if text.lowercased() == "none" { return .unwrapped }
            return EncryptionKey(text).map { .wrapped($0) }
        }
        var carried: KeyProtection?
        // What is wrong with the rest of the URL is said already.
        if databaseURL.hasPrefix("postgres"), let url = try? DatabaseURL(databaseURL), let text = url.encryptionKey {
            databaseURL = url.location
            if let key = EncryptionKey(text) {
                carried = .wrapped(key)
            } else {
                reader.refuse(
                    Key.databaseURL,
                    "DatabaseURL: its knocknoc_key cannot be used; expected the 43 characters that exposedb printed")
            }
        }
        if let given, let carried, given != carried {
            reader.refuse(
                Key.encryptionKey,
                "EncryptionKey is not the knocknoc_key in DatabaseURL; expected one of them, or both alike")
        }
        keyProtection = given ?? carried ?? .notGiven
    }

    static func forwarders(_ reader: inout SettingsReader) -> [CIDR] {
        let anyAllowed = reader.flag(Key.allowAnyForwarder, default: false)
        guard reader.text(Key.trustedForwarders) != nil else { return standardForwarders }
        if reader.text(Key.trustedForwarders)?.lowercased() == "none" { return [] }
        let list = reader.list(
            Key.trustedForwarders, expected: "networks such as 192.0.2.10/32, or none"
        ) { text in
            do throws(ModelError) { return try CIDR(parsing: text) } catch { return nil }
        }
        for network in list where network.length == 0 && !anyAllowed {
            reader.refuse(
                Key.trustedForwarders,
                "TrustedForwarders: \(network) lets anybody choose the address that is opened; expected your proxies' "
                    + "addresses, or AllowAnyForwarder = true if nobody else can reach this port")
        }
        return list
    }

    static func logLevel(_ reader: inout SettingsReader) -> Logger.Level {
        let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        return reader.value(Key.logLevel, expected: "one of \(levels)", Logger.Level.init(rawValue:)) ?? .info
    }

    private static func name(_ text: String) -> String? {
        let fits = text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0)
        }
        return fits && (1...63).contains(text.utf8.count) ? text : nil
    }
}

extension String {
    fileprivate func rooted(in directory: String) -> String {
        var path = hasPrefix("/") ? self : directory + "/" + self
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
