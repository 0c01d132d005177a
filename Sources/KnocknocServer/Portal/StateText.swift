import KnocknocModel

/// A state of a Knoc in the portal: its word, its icon and what it means for the reader.
/// The page carries one of each for its script, so that the words stand in one place.
struct StateText {
    var name: String
    var label: String
    var icon: String
    var turning: Bool
    var text: String
    /// `yes` or `no`: whether access can be asked for, and whether there is any to give back.
    var grant: String
    var live: String
    /// `yes` where the text says it better than the reason that agents give.
    var plain: String

    init(_ state: KnocState, address: String?) {
        name = state.rawValue
        turning = state.isUnsettled
        let here = address ?? "your address"
        let may: (grant: Bool, live: Bool)
        switch state {
        case .closed:
            (label, icon, may) = ("Closed", "closed", (true, false))
            text = "Closed to you. Grant access to open it for \(here)."
        case .pending:
            (label, icon, may) = ("Opening", "wait", (false, true))
            text = "Waiting for the firewall to confirm."
        case .open:
            (label, icon, may) = ("Open", "open", (false, true))
            text = "Open for \(here)."
        case .closing:
            (label, icon, may) = ("Closing", "wait", (true, false))
            text = "Waiting for the firewall to confirm."
        case .failed:
            (label, icon, may) = ("Failed", "failed", (false, true))
            text = "The firewall could not open it. Tell your administrator."
        case .refused:
            (label, icon, may) = ("Not allowed", "refused", (false, false))
            text = "This cannot be opened from where you are. Ask your administrator."
        case .dryRun:
            (label, icon, may) = ("Dry run", "dry", (false, true))
            text = "Granted, but this site only rehearses: no firewall was changed."
        }
        grant = may.grant ? "yes" : "no"
        live = may.live ? "yes" : "no"
        plain = state == .dryRun ? "yes" : "no"
    }
}
