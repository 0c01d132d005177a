/// An agent's last word on a target or an entry.
public enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
    case pending, applied, failed
    case dryRun = "dry_run"
}
