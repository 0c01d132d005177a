import KnocknocModel

/// How web nodes learn of both machines: all hosts stand in one URL, and a node uses whichever takes writes.
enum NodeAdvice {
    static func lines(hosts: [String], port: Int, database: String) -> [String] {
        let name = URLText.encoded(database)
        let list = hosts.map { "\(place($0)):\(port)" }.joined(separator: ",")
        return [
            "",
            "Every web node has to know both machines. On each, this one too where it runs one:",
            "  sudo knocker replica --follow \(list)",
            "It changes this line of knocknoc.conf; login, password and key stay as they are there:",
            "  DatabaseURL = postgres://LOGIN:PASSWORD@\(list)/\(name)?sslmode=require&channel_binding=require",
        ]
    }

    private static func place(_ host: String) -> String {
        IPAddress(host).map { $0.family == .v6 } ?? false ? "[\(host)]" : host
    }
}
