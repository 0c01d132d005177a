import KnocknocAccess
import KnocknocModel

/// Audit events as rows.
enum AuditTable {
    static func table(_ records: [AuditRecord]) -> Table {
        let rows = records.map { event in
            Table.Row(cells: [
                .time(TimeText(event.at)),
                .text(actor(event), detail: event.address?.description),
                .text(event.action),
                .text(subject(event)),
                .text(nil, detail: details(event.details)),
            ])
        }
        return Table(
            "Audit", columns: ["When", "Who", "What", "On", "Details"], rows: rows,
            empty: Table.Empty(
                icon: "list", title: "Nothing has happened yet", text: "Every change and decision is written here."))
    }

    private static func actor(_ event: AuditRecord) -> String {
        guard let name = event.actorName else { return event.actorKind == "cli" ? "command line" : event.actorKind }
        return event.actorKind == "user" ? name : "\(name) (\(event.actorKind))"
    }

    private static func subject(_ event: AuditRecord) -> String? {
        guard let kind = event.subjectKind else { return nil }
        return [kind, event.subjectName].compactMap(\.self).joined(separator: " ")
    }

    /// Details by their names; what has an id and a name is told by the name, and by the end of the id, since a name may
    /// have been somebody else's before.
    static func details(_ details: [String: String]) -> String? {
        var told = details
        for (key, name) in details where key.hasSuffix("_name") {
            let thing = String(key.dropLast("_name".count))
            guard let id = told[thing] else { continue }
            told[thing] = "\(name) (…\(id.suffix(8)))"
            told[key] = nil
        }
        let text = told.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        return text.isEmpty ? nil : text
    }
}
