import KnocknocSystem

/// A cluster whose files another program writes: Patroni takes its settings from its own store and undoes what is
/// changed behind its back.
enum Patroni {
    /// Whether Patroni keeps this cluster, by what it leaves in the data folder and by who started the server.
    static func keeps(_ cluster: LocalCluster) throws -> Bool {
        if SystemFile(cluster.dataDirectory + "/patroni.dynamic.json").exists { return true }
        guard let first = try SystemFile(cluster.dataDirectory + "/postmaster.pid").text()?.split(separator: "\n").first,
            let status = try SystemFile("/proc/\(first)/status").text(),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("PPid:") }),
            let words = try SystemFile("/proc/\(line.dropFirst(5).filter { $0.isNumber })/cmdline").bytes()
        else { return false }
        return String(decoding: words, as: UTF8.self).split(separator: "\0").prefix(3).contains { word in
            word.split(separator: "/").last?.hasPrefix("patroni") ?? false
        }
    }

    /// The commands that give every member these lines in pg_hba.conf, and TLS.
    ///
    /// - Parameter rules: all lines, since what Patroni is given replaces the file.
    static func patch(rules: [String], turningTLSOn: Bool) -> String {
        let parameters = turningTLSOn ? "\n  parameters:\n    ssl: \"on\"" : ""
        let lines = rules.map { "    - " + quoted($0) }.joined(separator: "\n")
        return """
            patronictl edit-config --force --apply - <<'END'
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
