extension Scaffold {
    /// The systemd units of server and agent, each after a comment with its path, as `systemctl cat` shows them.
    public static let systemd =
        (["# The packages bring these in /lib/systemd/system; \"systemctl edit UNIT\" changes single lines there."]
        + ["knocknoc.service", "knocknoc-agent.service", "knocknoc-guard.service"].map(unit)).joined(separator: "\n\n")

    private static func unit(_ name: String) -> String {
        var text = (EmbeddedFiles.all["systemd/" + name] ?? "")[...]
        while text.last?.isNewline == true { text.removeLast() }
        return "# /etc/systemd/system/\(name)\n" + text
    }
}
