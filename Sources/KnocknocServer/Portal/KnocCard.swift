import KnocknocAccess
import KnocknocModel

/// One Knoc on the portal, as `knoc.mustache` reads it.
struct KnocCard {
    var id: String
    var name: String
    var state: StateText
    /// RFC 3339, or empty.
    var expires: String
    var expiresText: String
    var showsExpiry: Bool
    /// What the shown time is: when it ends, or when it has ended whatever happens.
    var untilWord: String
    var text: String
    var visit: String?
    var canVisit: Bool
    var canGrant: Bool
    var canRevoke: Bool
    var grantLabel = "Grant access"
    /// Where this person came from, if that is what the Knoc opens.
    var referrer: String?

    init(_ item: KnocItem, address: String?) {
        id = item.id.description
        name = item.name
        state = StateText(item.state, address: address)
        expires = item.expiresAt?.description ?? ""
        expiresText = item.expiresAt.map(TimeText.clock) ?? ""
        showsExpiry = item.expiresAt != nil && [.open, .dryRun, .closing].contains(item.state)
        untilWord = item.state == .closing ? "at the latest" : "until"
        text = item.state == .dryRun ? state.text : item.reason ?? state.text
        visit = item.url.flatMap { Self.isSafe($0) ? $0 : nil }
        canVisit = item.state == .open || item.state == .dryRun
        canGrant = state.grant == "yes"
        canRevoke = state.live == "yes"
    }

    /// Whether a link may lead there. Schemes that run in our own page are what must never come through.
    static func isSafe(_ url: String) -> Bool {
        guard let colon = url.firstIndex(of: ":") else { return false }
        let schemes = ["http", "https", "ssh", "sftp", "ftp", "ftps", "rdp", "vnc", "smb", "ldap", "ldaps", "postgres"]
        return schemes.contains(url[..<colon].lowercased())
    }
}
