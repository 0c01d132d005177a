/// What a user sees of a Knoc.
public enum KnocState: String, Hashable, Sendable, Codable, CaseIterable {
    case closed
    /// Granted, and the agents have not all confirmed yet.
    case pending
    case open
    /// The right has ended, and the agents have not all confirmed yet.
    case closing
    /// Granted, and at least one agent could not do it, or none is there to do it.
    case failed
    /// Nothing is granted to this address, or on these terms.
    case refused
    /// Granted, and the agents change nothing by choice.
    case dryRun = "dry_run"

    /// As part of a sentence.
    public var word: String {
        switch self {
        case .closed, .open, .closing, .failed: rawValue
        case .pending: "opening"
        case .refused: "not allowed"
        case .dryRun: "dry run"
        }
    }

    /// Whether an agent's word will change it soon.
    public var isUnsettled: Bool { self == .pending || self == .closing }
}
