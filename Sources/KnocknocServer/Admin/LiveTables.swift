import KnocknocAccess
import KnocknocModel

/// Grants and sessions as rows.
enum LiveTables {
    static func grants(_ records: [GrantRecord], columns: [String] = grantColumns) -> Table {
        let rows = records.map { grant in
            Table.Row(
                cells: [
                    .link(grant.userName, to: "/admin/users/\(grant.userID)"),
                    .link(grant.knocName, to: "/admin/knocs/\(grant.knocID)"),
                    .text(grant.address.description, detail: sharing(grant)),
                    .pill(pill(grant.state), detail: grant.endReason.map(reason) ?? grant.reason), agents(grant),
                    .time(TimeText(grant.endedAt ?? grant.expiresAt)),
                ],
                action: grant.endedAt != nil
                    ? nil
                    : Table.Action(
                        path: "/admin/grants/\(grant.id)/end", label: "End now",
                        subject: "the grant of \(grant.userName) for \(grant.knocName)"))
        }
        return Table(
            "Grants", columns: columns, rows: rows,
            empty: Table.Empty(
                icon: "clock", title: "Nothing is open",
                text: "As soon as a user signs in or clicks Grant, it appears here, and you can end it."))
    }

    static let grantColumns = ["User", "Knoc", "Address", "State", "Agents", "Until"]

    /// How many of its agents have done it, and what each of the others says.
    private static func agents(_ grant: GrantRecord) -> Table.Cell {
        guard !grant.parts.isEmpty else { return .text(nil) }
        let settled: Set<KnocState> = [.open, .closed]
        let others = grant.parts.filter { !settled.contains($0.state) }.map { part in
            "\(part.agentName): \(word(part.state))" + (part.reason.map { ", \($0)" } ?? "")
        }
        return .text(
            "\(grant.partsDone) of \(grant.partsInAll)",
            detail: others.isEmpty ? nil : others.joined(separator: "; "))
    }

    private static func word(_ state: KnocState) -> String {
        switch state {
        case .open: "applied"
        case .dryRun: "dry run"
        default: state.rawValue
        }
    }

    /// Grants on the page of a user or a Knoc.
    static let openLimit = 50

    /// nil where nothing is open.
    static func open(_ records: [GrantRecord]) -> FormPage.Targets? {
        records.isEmpty ? nil : FormPage.Targets(table: grants(records))
    }

    /// For whom else it is open.
    private static func sharing(_ grant: GrantRecord) -> String? {
        guard !grant.sharedWith.isEmpty else { return nil }
        var names = grant.sharedWith.prefix(5).map(\.userName)
        if grant.sharedWith.count > 5 { names.append("\(grant.sharedWith.count - 5) more") }
        return "shared with " + names.joined(separator: ", ")
    }

    static func sessions(_ records: [SessionRecord]) -> Table {
        let rows = records.map { session in
            Table.Row(
                cells: [
                    who(session),
                    .text(session.address?.description ?? "unknown", detail: session.addressReason ?? further(session)),
                    .text(session.userAgent.map(UserAgentText.short)),
                    .time(TimeText(session.createdAt)),
                    session.endedAt.map { .time(TimeText($0)) } ?? .time(TimeText(session.expiresAt)),
                ],
                action: session.endedAt != nil
                    ? nil
                    : Table.Action(
                        path: "/admin/sessions/\(session.id)/end", label: "End now",
                        subject: "the session of \(session.name)"))
        }
        return Table(
            "Sessions", columns: ["Who", "From", "With", "Since", "Until"], rows: rows,
            empty: Table.Empty(icon: "session", title: "Nobody is signed in", text: "Sessions appear here."))
    }

    private static func further(_ session: SessionRecord) -> String? {
        let others = session.addresses.map(\.address).filter { $0 != session.address }
        return others.isEmpty ? nil : "and " + others.map(\.description).joined(separator: ", ")
    }

    private static func who(_ session: SessionRecord) -> Table.Cell {
        switch session.principal {
        case .user(let id): .link(session.name, to: "/admin/users/\(id)")
        case .admin(let id): .link(session.name, to: "/admin/admins/\(id)", detail: "administrator")
        }
    }

    static func pill(_ state: KnocState) -> Pill {
        switch state {
        case .closed: .quiet("Closed")
        case .pending: .wait("Opening")
        case .open: .ok("Open")
        case .closing: .wait("Closing")
        case .failed: .bad("Failed")
        case .refused: .bad("Refused", icon: "refused")
        case .dryRun: .note("Dry run")
        }
    }

    private static func reason(_ word: String) -> String {
        "ended: " + word.split(separator: "_").joined(separator: " ")
    }
}
