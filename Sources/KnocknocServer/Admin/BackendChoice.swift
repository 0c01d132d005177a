import KnocknocModel

/// What a new agent is to open doors with. It is no part of what the server stores: the lines go into the agent's own file,
/// which no server can change, and hold it to that.
struct BackendChoice {
    struct Line {
        /// As in the agent's file.
        var key: String
        /// As in its environment.
        var variable: String
        var value: String
    }

    let name: String
    let label: String
    let lines: [Line]
    /// Whether it was chosen before the page was made; else the page shows the lines of what its form says.
    var isChosen = false

    private init(_ name: String, _ label: String, _ lines: [Line]) {
        (self.name, self.label, self.lines) = (name, label, lines)
    }

    private static func only(_ name: String) -> Line {
        Line(key: "AllowBackends", variable: "KNOCKNOC_AGENT_ALLOW_BACKENDS", value: name)
    }

    static let all = [
        BackendChoice("any", "Whatever a Knoc says", []),
        BackendChoice("nftables", "nftables: guards and sets", [only("nftables")]),
        BackendChoice("ipset", "ipset: sets that my own rules use", [only("ipset")]),
        BackendChoice("haproxy", "HAProxy: maps and access lists", [only("haproxy")]),
        BackendChoice(
            "script", "Script: a program on that machine",
            [only("script"), Line(key: "CustomScripts", variable: "KNOCKNOC_AGENT_CUSTOM_SCRIPTS", value: "true")]),
        BackendChoice(
            "allow_list", "Allow list: other devices fetch it",
            [
                only("allow_list"),
                Line(
                    key: "AllowListListen", variable: "KNOCKNOC_AGENT_ALLOW_LIST_LISTEN", value: "127.0.0.1:8758"),
            ]),
        BackendChoice(
            "dry-run", "Dry run: nothing is changed",
            [Line(key: "Backend", variable: "KNOCKNOC_AGENT_BACKEND", value: "dry-run")]),
    ]

    /// - Parameter name: of the one that was chosen; nil where that is still open.
    static func offered(_ name: String?) -> [BackendChoice] {
        guard let name else { return all }
        return all.filter { $0.name == name }.map { one in
            var chosen = one
            chosen.isChosen = true
            return chosen
        }
    }
}
