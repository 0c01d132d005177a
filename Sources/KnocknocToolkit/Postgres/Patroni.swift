import KnocknocSystem

/// A cluster whose files another program writes: Patroni takes its settings from its own store and undoes what is
/// changed behind its back.
enum Patroni {
    /// What Patroni leaves in a data folder, for its own next start.
    static func trace(in cluster: LocalCluster) -> SystemFile {
        SystemFile(cluster.dataDirectory + "/patroni.dynamic.json")
    }

    /// Whether Patroni keeps this cluster, by what it leaves in the data folder and by who started the server.
    static func keeps(_ cluster: LocalCluster) throws -> Bool {
        if trace(in: cluster).exists { return true }
        return try starter(of: cluster).prefix(3).contains {
            $0.split(separator: "/").last?.hasPrefix("patroni") ?? false
        }
    }

    /// The file that `patronictl` is to be given: the one that Patroni was started with, where it is the server's parent,
    /// else Debian's.
    static func configuration(of cluster: LocalCluster) throws -> String {
        let words = try starter(of: cluster)
        return words.first { $0.hasPrefix("/") && ($0.hasSuffix(".yml") || $0.hasSuffix(".yaml")) }
            ?? "/etc/patroni/config.yml"
    }

    /// The words by which the server's parent was started.
    private static func starter(of cluster: LocalCluster) throws -> [String] {
        guard
            let first = try SystemFile(cluster.dataDirectory + "/postmaster.pid").text()?.split(separator: "\n").first,
            let status = try SystemFile("/proc/\(first)/status").text(),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("PPid:") }),
            let words = try SystemFile("/proc/\(line.dropFirst(5).filter { $0.isNumber })/cmdline").bytes()
        else { return [] }
        return String(decoding: words, as: UTF8.self).split(separator: "\0").map(String.init)
    }

    /// The commands that give every member these lines in pg_hba.conf, and TLS.
    ///
    /// - Parameters:
    ///   - rules: all lines, since what Patroni is given replaces the file.
    ///   - owner: the user that Patroni and Postgres run as, who alone can read Patroni's file.
    static func patch(
        rules: [String], turningTLSOn: Bool, owner: String = "postgres", file: String = "/etc/patroni/config.yml"
    ) -> String {
        let parameters = turningTLSOn ? "\n  parameters:\n    ssl: \"on\"" : ""
        let lines = rules.map { "    - " + quoted($0) }.joined(separator: "\n")
        return """
            sudo -u \(owner) patronictl -c \(file) edit-config --force --apply - <<'END'
            postgresql:\(parameters)
              pg_hba:
            \(lines)
            END
            """
    }

    /// A scalar in double quotes (YAML 1.2, 7.3.1).
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\t", with: "\\t") + "\""
    }
}
