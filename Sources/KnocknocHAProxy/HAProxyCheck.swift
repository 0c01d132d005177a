public import KnocknocSystem

/// What HAProxy itself says of a configuration before it takes effect.
public enum HAProxyCheck {
    /// Has HAProxy read these bytes from a file beside its own; its warnings go to the console.
    ///
    /// - Throws: ``SystemError`` `invalid` with HAProxy's words.
    public static func verify(_ bytes: [UInt8], as path: String, _ console: any Console) async throws {
        guard try await serves(bytes, as: path, console) else {
            throw SystemError(
                .invalid, "\(path): nothing in it listens, and HAProxy would not start; nothing is changed")
        }
    }

    /// The same, of a file that may be left with nothing that listens.
    ///
    /// - Returns: whether HAProxy would start with it.
    public static func serves(_ bytes: [UInt8], as path: String, _ console: any Console) async throws -> Bool {
        let candidate = SystemFile(path + ".knocknoc-check")
        let output: Command.Output
        do {
            try candidate.replace(with: bytes, attributes: .init(mode: 0o600), keepingBackup: false)
            output = try await Command.run(["haproxy", "-c", "-f", candidate.path])
        } catch {
            try? candidate.remove()
            throw error
        }
        try candidate.remove()
        let said = (output.errors + output.text).split(separator: "\n").map {
            String($0).replacing(candidate.path, with: path)
        }
        let complaints = said.filter { $0.contains("[WARNING]") || $0.contains("[ALERT]") }
        if output.succeeded {
            complaints.forEach { console.note("HAProxy: \($0)") }
            return true
        }
        if output.status == 2, said.contains(where: { $0.contains("(no listener)") }) { return false }
        let alerts = complaints.filter { $0.contains("[ALERT]") && !$0.contains("Fatal errors") }
        throw SystemError(
            .invalid,
            "HAProxy does not accept \(path); nothing is changed:"
                + (alerts.isEmpty ? said : alerts).map { "\n  \($0)" }.joined())
    }

    /// What an administrator is told whose proxies would take over our `defaults`.
    public static func heirs(_ path: String) -> String {
        "\(path): a section of yours after our part has no \"defaults\" of its own and would take ours; move it above our "
            + "part"
    }
}
