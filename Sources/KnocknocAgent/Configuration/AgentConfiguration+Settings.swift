public import KnocknocModel
import Logging

extension AgentConfiguration {
    /// Reads settings; `readToken` opens the file named by `TokenFile` (`-` is standard input).
    ///
    /// - Throws: ``ConfigurationError`` naming every place that is wrong and what was expected there.
    public init(
        settings: Settings, readToken: (String) throws(AgentError) -> String
    ) throws(ConfigurationError) {
        var reader = SettingsReader(settings)
        self.init(servers: [], token: .none, keyFile: "")
        link(&reader)
        token = Self.token(&reader, readToken) ?? .none
        local(&reader)
        try reader.finish()
    }

    /// Layers into one, the strongest first. Token and TokenFile are two ways to say one thing: whichever a stronger
    /// layer gives, a weaker one's say nothing.
    public static func merged(_ layers: [Settings]) -> Settings {
        let tokens = [Key.token, Key.tokenFile]
        return layers.reduce(Settings()) { stronger, layer in
            var layer = layer
            if tokens.contains(where: { stronger[$0].map { !$0.text.isEmpty } ?? false }) {
                for key in tokens { layer[key] = nil }
            }
            return stronger.over(layer)
        }
    }

    /// Reads only what concerns this machine: files, health listener, backend. Server and token stay empty.
    public init(localSettings settings: Settings) throws(ConfigurationError) {
        var reader = SettingsReader(settings)
        self.init(servers: [], token: .none, keyFile: "")
        local(&reader)
        try reader.finish()
    }

    private mutating func link(_ reader: inout SettingsReader) {
        let insecure = reader.flag(Key.insecureHTTP, default: false)
        servers = reader.list(Key.serverURL, expected: "https://HOST[:PORT]", ServerURL.init)
        serverHosts = reader.list(
            Key.serverHosts, expected: "names of hosts, or *.DOMAIN for all in one", HostPattern.init)
        for server in servers where !server.secure && !server.isLoopback && !insecure {
            reader.refuse(
                Key.serverURL,
                "ServerURL: \(server) would send the token in the clear beyond this machine; "
                    + "expected https://, or InsecureHTTP = true where the network is trusted")
        }
        if servers.isEmpty, reader.problems.isEmpty {
            reader.refuse(
                Key.serverURL,
                "ServerURL is missing; expected ServerURL = https://HOST[:PORT] or "
                    + "\(Key.serverURL.environmentName(prefix: Self.environmentPrefix))")
        }
    }

    private mutating func local(_ reader: inout SettingsReader) {
        id = reader.value(Key.id, expected: "the agent's UUID", AgentID.init)
        name = reader.text(Key.name)
        zone = reader.text(Key.zone)
        files(&reader)
        network(&reader)
        createSets = reader.flag(Key.createSets, default: false)
        limits(&reader)
        trustRTC = reader.flag(Key.trustRTC, default: false)
        let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        logLevel = reader.value(Key.logLevel, expected: "one of \(levels)", Logger.Level.init(rawValue:)) ?? .info
        backend =
            reader.value(Key.backend, expected: "nftables or dry-run", BackendChoice.init(rawValue:)) ?? .nftables
    }

    private mutating func files(_ reader: inout SettingsReader) {
        let path: (String) -> String? = { $0.hasPrefix("/") ? $0 : nil }
        let expected = "an absolute path"
        if reader.text(Key.stateFile) == "none" {
            stateFile = nil
        } else {
            stateFile = reader.value(Key.stateFile, expected: expected + " or none", path) ?? Self.standardStateFile
        }
        let folder = stateFile.map { $0.prefix(upTo: $0.lastIndex(of: "/") ?? $0.startIndex) }
        guardFile =
            reader.text(Key.guardFile) == "none"
            ? nil
            : reader.value(Key.guardFile, expected: expected + " or none", path) ?? folder.map { $0 + "/guard.nft" }
        if let given = reader.value(Key.keyFile, expected: expected, path) {
            keyFile = given
        } else if let folder {
            keyFile = folder + "/keys.json"
        } else {
            reader.refuse(
                Key.stateFile,
                "StateFile = none needs a KeyFile, else every start would be another agent; "
                    + "expected KeyFile = /PATH")
        }
        tlsCAFile = reader.value(Key.tlsCAFile, expected: expected, path)
    }

    private mutating func network(_ reader: inout SettingsReader) {
        if reader.text(Key.healthListen)?.lowercased() == "none" {
            healthListen = nil
        } else {
            healthListen =
                reader.value(Key.healthListen, expected: "a loopback ADDRESS:PORT such as 127.0.0.1:8757, or none") {
                    text in
                    let bare = text.hasSuffix(":0") ? text.dropLast() + "1" : text[...]
                    guard let (host, port) = ServerURL.authority(bare, standard: 8757),
                        IPAddress(host)?.isLoopback == true
                    else { return nil }
                    return Listen(host: host, port: text.hasSuffix(":0") ? 0 : port)
                } ?? Listen(host: "127.0.0.1", port: 8757)
        }
        allowListListen = Self.allowListListen(&reader)
        let expected = "the SHA-256 of a server's certificate, 64 hexadecimal digits, several separated by commas"
        tlsFingerprints = reader.list(Key.tlsFingerprint, expected: expected, Self.fingerprint)
        // Nothing but commas must not mean that no certificate is pinned.
        if let text = reader.text(Key.tlsFingerprint), text.allSatisfy({ $0 == "," || $0.isWhitespace }) {
            reader.refuse(Key.tlsFingerprint, "TLSFingerprint: \"\(text)\" cannot be used; expected \(expected)")
        }
        alwaysAllow = reader.list(Key.alwaysAllow, expected: "networks such as 192.0.2.0/24") { text in
            do throws(ModelError) { return try CIDR(parsing: text) } catch { return nil }
        }
        neverGuard = reader.list(Key.neverGuard, expected: "ports 1 to 65535") {
            UInt16($0).flatMap { $0 > 0 ? $0 : nil }
        }
    }

    private static func allowListListen(_ reader: inout SettingsReader) -> Listen? {
        if reader.text(Key.allowListListen)?.lowercased() == "none" { return nil }
        return reader.value(Key.allowListListen, expected: "ADDRESS:PORT such as 127.0.0.1:8758, or none") { text in
            let bare = text.hasSuffix(":0") ? text.dropLast() + "1" : text[...]
            guard let (host, port) = ServerURL.authority(bare, standard: 8758), IPAddress(host) != nil else {
                return nil
            }
            return Listen(host: host, port: text.hasSuffix(":0") ? 0 : port)
        }
    }

    /// Hexadecimal digits with or without colons, perhaps after `sha256:`.
    static func fingerprint(_ text: String) -> [UInt8]? {
        var rest = text.lowercased()[...]
        if rest.hasPrefix("sha256:") { rest = rest.dropFirst(7) }
        let digits = rest.filter { $0 != ":" }.compactMap(\.hexDigitValue)
        guard digits.count == 64, rest.filter({ $0 != ":" }).count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static func token(
        _ reader: inout SettingsReader, _ read: (String) throws(AgentError) -> String
    ) -> Token? {
        let expected = "16 to 512 visible characters, as the server printed it"
        if reader.text(Key.token) != nil {
            return reader.value(Key.token, expected: expected, secret: true, Token.init)
        }
        guard let file = reader.text(Key.tokenFile) else {
            // Where the packages put it, if they have.
            if let text = try? read(standardTokenFile), !text.isEmpty, let token = Token(text) { return token }
            reader.refuse(
                Key.token,
                "Token is missing; expected it in \(standardTokenFile), or Token or TokenFile = /PATH, or "
                    + "\(Key.token.environmentName(prefix: environmentPrefix))")
            return nil
        }
        do throws(AgentError) {
            if let token = Token(try read(file)) { return token }
            reader.refuse(Key.tokenFile, "TokenFile: \(file) does not hold a token; expected \(expected)")
        } catch {
            reader.refuse(Key.tokenFile, "TokenFile: \(error.message)")
        }
        return nil
    }
}

extension Token {
    /// Stands where reading failed; such a configuration is never handed out.
    fileprivate static let none = Token(unchecked: "")

    private init(unchecked: String) { secret = unchecked }
}
