/// A field of a query that narrows a list, and what it may be.
struct ListChoices {
    var name: String
    var label: String
    /// What the choice of none is called.
    var all: String
    var values: [String]

    func field(_ chosen: String?) -> Field {
        var values = values
        // Shown as it is, also where nothing is there any more.
        if let chosen, !values.contains(chosen) { values.append(chosen) }
        return Field.select(name, label, [("", all)] + values.map { ($0, $0) }).with { field in
            for index in field.options.indices {
                field.options[index].selected = field.options[index].value == chosen ?? ""
            }
        }
    }
}
