extension Scaffold {
    /// The systemd units of server and agent, each after a comment with its path, as `systemctl cat` shows them.
    public static let systemd =
        [
            "# With the packages these are in /lib/systemd/system already; \"systemctl edit UNIT\" changes single lines there.",
            unit("knocknoc.service"), unit("knocknoc-agent.service"), unit("knocknoc-guard.service"),
        ].joined(separator: "\n\n")

    private static func unit(_ name: String) -> String {
        guard let text = EmbeddedFiles.all["systemd/" + name] else { preconditionFailure("\(name) is not compiled in") }
        return "# /etc/systemd/system/\(name)\n" + text.trimmingSuffix { $0.isNewline }
    }
}

extension String {
    fileprivate func trimmingSuffix(while isWanted: (Character) -> Bool) -> String {
        var rest = self[...]
        while let last = rest.last, isWanted(last) { rest.removeLast() }
        return String(rest)
    }
}
