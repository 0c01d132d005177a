extension Field {
    /// A copy with some properties changed, for declarations in one expression.
    func with(_ change: (inout Field) -> Void) -> Field {
        var field = self
        change(&field)
        return field
    }

    func hint(_ text: String) -> Field { with { $0.hint = text } }
    func half() -> Field { with { $0.width += " half" } }
    /// Shown only where a Knoc's agent has one of these backends.
    func only(_ names: String...) -> Field { with { for name in names { $0.width += " only-" + name } } }

    /// The field with what was typed or stored, and what is wrong with it.
    func filled(from values: FormValues, errors: [String: String]) -> Field {
        with { field in
            if field.isCheckbox {
                field.checked = values.flag(name)
            } else if field.isChoices || field.isSelect {
                let chosen = Set(values.all(name))
                field.options = field.options.map { option in
                    Option(value: option.value, label: option.label, selected: chosen.contains(option.value))
                }
            } else if !field.isSecret {
                field.value = values.text(name)
            }
            field.error = errors[name]
            let ids = [field.error.map { _ in id + "-error" }, field.hint.map { _ in id + "-hint" }].compactMap(\.self)
            field.described = ids.isEmpty ? nil : ids.joined(separator: " ")
        }
    }
}
