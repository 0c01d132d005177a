/// A sentence above a page's content: what was done, or why it was not.
struct Notice {
    var kind: String
    var icon: String
    /// Problems interrupt a screen reader, news wait for their turn.
    var role: String
    var text: String

    static func done(_ text: String) -> Notice { Notice(kind: "ok", icon: "open", role: "status", text: text) }
    static func problem(_ text: String) -> Notice { Notice(kind: "bad", icon: "failed", role: "alert", text: text) }
    static func warning(_ text: String) -> Notice { Notice(kind: "wait", icon: "failed", role: "status", text: text) }
}

extension Notice {
    /// What a redirect may announce on the next page. Only the word travels in the URL, never a text.
    enum Word: String, CaseIterable {
        case created, saved, deleted, ended, confirmed, approved, unguarded, claimed, resynced

        var notice: Notice {
            switch self {
            case .created: .done("Created.")
            case .saved: .done("Saved.")
            case .deleted: .done("Deleted.")
            case .ended: .done("Ended.")
            case .confirmed: .done("The guard is confirmed and stays.")
            case .approved: .done("The new key is approved. The agent links with it at its next try.")
            case .unguarded: .warning("The guard is being removed: its ports are no longer closed by Knocknoc.")
            case .resynced: .done("The agent is told everything anew, now or when it links again.")
            case .claimed: .warning("There is an administrator already; sign in.")
            }
        }
    }
}
