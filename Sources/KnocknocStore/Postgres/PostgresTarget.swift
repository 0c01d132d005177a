import CLibpq

/// One host of a DSN, with everything that libpq needs to reach it.
struct PostgresTarget: Hashable, Sendable {
    /// nil: libpq's default, usually the local socket.
    var host: String?
    var address: String?
    var port: String?
    /// The other keywords of the DSN.
    var parameters: [String: String]

    var name: String { "\(host ?? address ?? "local socket")\(port.map { ":" + $0 } ?? "")" }

    var isSocket: Bool { host.map { $0.hasPrefix("/") || $0.hasPrefix("@") } ?? (address == nil) }

    /// The hosts of a DSN in its order.
    ///
    /// - Throws: ``StoreError`` `configuration` with libpq's own words, which name the parameter.
    static func parse(_ dsn: String, setting: String = "DatabaseURL") throws(StoreError) -> [PostgresTarget] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(dsn, &message) else {
            defer { PQfreemem(message) }
            let reason = message.map { String(cString: $0) } ?? "out of memory"
            // libpq's words can quote the URI or a part of it, and with it the password.
            let safe =
                reason.contains("percent-encoded")
                ? "a % in it is not followed by two hexadecimal digits; a % itself is written %25"
                : reason.contains(dsn) ? "it cannot be parsed" : reason.filter { !$0.isNewline }
            throw StoreError(.configuration, "\(setting): \(safe)")
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        if let wrong = fault(in: values) { throw StoreError(.configuration, "\(setting): \(wrong)") }
        return try split(values, setting)
    }

    /// What libpq finds out when it connects only, where it would look like a database that is away.
    private static func fault(in values: [String: String]) -> String? {
        let known = [
            "sslmode": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
            "channel_binding": ["disable", "prefer", "require"],
        ]
        for (keyword, expected) in known.sorted(by: { $0.key < $1.key }) {
            guard let value = values[keyword], !expected.contains(value) else { continue }
            return "\(keyword): \"\(value)\" cannot be used; expected one of \(expected.joined(separator: ", "))"
        }
        let port = values["port"]?.split(separator: ",").first { UInt16($0).map { $0 == 0 } ?? true }
        return port.map { "port: \"\($0)\" cannot be used; expected 1 to 65535" }
    }

    private static func split(
        _ values: [String: String], _ setting: String
    ) throws(StoreError) -> [PostgresTarget] {
        func list(_ keyword: String) -> [String] {
            values[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(hosts.count, addresses.count, 1)
        guard hosts.isEmpty || hosts.count == count, addresses.isEmpty || addresses.count == count,
            ports.count <= 1 || ports.count == count
        else {
            throw StoreError(.configuration, "\(setting): hosts, addresses and ports do not match in number")
        }
        var parameters = values
        for keyword in ["host", "hostaddr", "port", "target_session_attrs"] { parameters[keyword] = nil }
        let defaults = [
            "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "5000",
            "fallback_application_name": "knocknoc",
            // Looking for Kerberos tickets would block the thread that watches all connections.
            "gssencmode": "disable",
        ]
        parameters.merge(defaults) { given, _ in given }
        parameters["client_encoding"] = "UTF8"
        return (0..<count).map { index in
            let port = ports.count == 1 ? ports[0] : ports.isEmpty ? "" : ports[index]
            return PostgresTarget(
                host: hosts.isEmpty || hosts[index].isEmpty ? nil : hosts[index],
                address: addresses.isEmpty || addresses[index].isEmpty ? nil : addresses[index],
                port: port.isEmpty ? nil : port, parameters: parameters)
        }
    }

    /// Keywords and values for PQconnectStartParams.
    var keywords: [(String, String)] {
        var all = parameters
        all["host"] = host
        all["hostaddr"] = address
        all["port"] = port
        return all.sorted { $0.key < $1.key }
    }
}
