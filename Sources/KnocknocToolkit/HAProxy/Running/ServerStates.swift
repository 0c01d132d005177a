import KnocknocSystem

/// What `show servers state` tells of a backend: a file that a new worker starts from.
struct ServerStates {
    /// The version line, the line that names the columns, and one line for each server.
    let text: String

    init(_ answer: String) { text = answer.hasSuffix("\n\n") ? String(answer.dropLast()) : answer }

    static let empty = "1\n"

    private var rows: [Substring] { text.split(separator: "\n").filter { $0.first != "#" && $0.contains(" ") } }

    /// Only those servers that somebody has taken out: the rest is what health checks find anew.
    var drained: String {
        let heads = text.split(separator: "\n").filter { $0.first == "#" || !$0.contains(" ") }
        let kept = rows.filter { row in
            let fields = row.split(separator: " ")
            // Forced maintenance (1) or forced drain (8): management guide, "show servers state".
            guard fields.count > 6, let admin = Int(fields[6]) else { return false }
            return admin & 9 != 0
        }
        return (heads + kept).map { $0 + "\n" }.joined()
    }

    var names: [String] {
        rows.compactMap { row in
            let fields = row.split(separator: " ")
            return fields.count > 3 ? String(fields[3]) : nil
        }
    }
}

/// A line of `show stat`: how a node is doing in a backend.
struct NodeStatus: Hashable, Sendable {
    var backend: String
    var name: String
    /// Such as `UP`, `DOWN`, `NOLB`, `DRAIN`.
    var status: String
    /// Such as `L7OK`; empty or `INI` before the first check.
    var check: String
    /// What the last check came to, in HAProxy's words.
    var detail: String

    /// - Parameter answer: CSV with a line of names.
    static func parse(_ answer: String) -> [NodeStatus] {
        let lines = answer.split(separator: "\n")
        guard let head = lines.first, head.hasPrefix("# ") else { return [] }
        let columns = head.dropFirst(2).split(separator: ",", omittingEmptySubsequences: false)
        let place = { (name: String) in columns.firstIndex { $0 == name } }
        return lines.dropFirst().compactMap { line in
            let fields = cells(line)
            let field = { (name: String) in place(name).flatMap { $0 < fields.count ? fields[$0] : nil } ?? "" }
            let name = field("svname")
            guard name != "FRONTEND", name != "BACKEND", !name.isEmpty else { return nil }
            return NodeStatus(
                backend: field("pxname"), name: name, status: field("status"),
                check: String(field("check_status").drop { $0 == "*" || $0 == " " }), detail: field("check_desc"))
        }
    }

    /// RFC 4180: a cell in double quotes may hold commas.
    private static func cells(_ line: Substring) -> [String] {
        var cells: [String] = []
        var cell = ""
        var quoted = false
        for character in line {
            switch character {
            case "\"": quoted.toggle()
            case "," where !quoted:
                cells.append(cell)
                cell = ""
            default: cell.append(character)
            }
        }
        return cells + [cell]
    }
}
