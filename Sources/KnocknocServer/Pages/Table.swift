/// A list, as `table.mustache` reads it: a table on a desk, cards on a phone.
struct Table {
    struct Empty {
        var icon: String
        var title: String
        var text: String
        var action: Link?
    }

    struct Row {
        var cells: [Cell]
        var action: Action?
        var menu: Menu?
    }

    /// What else may be done with a row.
    struct Menu {
        var label: String
        var subject: String
        var items: [MenuItem]
    }

    /// A link, or a button where it does something.
    struct MenuItem {
        var label: String
        var href: String?
        var path: String?
    }

    /// A button at the end of a row.
    struct Action {
        var path: String
        var label: String
        /// What it acts on, for those who hear the button without seeing its row.
        var subject: String
        /// Classes of the button.
        var kind = "danger"
        /// The agent that the page's script asks in place, without leaving the page.
        var ping: String?
    }

    struct Cell {
        var text = ""
        var label = ""
        var first = false
        var blank = false
        var plain = false
        var href: String?
        var pill: Pill?
        var time: TimeText?
        var detail: String?
    }

    let caption: String
    let columns: [String]
    let rows: [Row]
    let empty: Empty
    let hasRows: Bool
    let hasActions: Bool

    init(_ caption: String, columns: [String], rows: [Row], empty: Empty) {
        self.caption = caption
        self.columns = columns
        self.empty = empty
        hasRows = !rows.isEmpty
        hasActions = rows.contains { $0.action != nil }
        self.rows = rows.map { row in
            var row = row
            for index in row.cells.indices where index < columns.count {
                row.cells[index].label = columns[index]
                row.cells[index].first = index == 0
            }
            return row
        }
    }
}

extension Table.Cell {
    static func text(_ text: String?, detail: String? = nil) -> Self {
        let blank = text == nil && detail == nil
        return Self(text: text ?? "", blank: blank, plain: text != nil, detail: detail)
    }

    static func link(_ text: String, to href: String, detail: String? = nil) -> Self {
        Self(text: text, href: href, detail: detail)
    }

    static func pill(_ pill: Pill, detail: String? = nil) -> Self { Self(pill: pill, detail: detail) }
    static func time(_ time: TimeText?) -> Self { Self(blank: time == nil, time: time) }
}
