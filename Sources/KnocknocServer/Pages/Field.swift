/// One input of a form with its label, hint and error. Templates read it by reflection, hence stored properties only.
struct Field {
    struct Option {
        var value: String
        var label: String
        var selected: Bool
    }

    let name: String
    let id: String
    let label: String
    var value = ""
    var type = "text"
    /// Classes of the field's box: `half`, `only-guard`, ...
    var width = ""
    var hint: String?
    var error: String?
    var autocomplete: String?
    var inputMode: String?
    var placeholder: String?
    /// Ids of the hint and the error, for `aria-describedby`.
    var described: String?
    var required = false
    /// Says that it may stay empty; left out where that depends on another field.
    var marksOptional = true
    var checked = false
    /// Names and codes: no capitals or corrections from a phone's keyboard.
    var plainWords = false
    /// Filled by the page's script from what stands behind the `#`.
    var fromFragment = false
    var focused = false
    var isInput = true
    var isText = true
    var isSelect = false
    var isArea = false
    /// What was typed is never sent back.
    var isSecret = false
    var isCheckbox = false
    var isChoices = false
    var hasOptions = false
    var options: [Option] = []

    private init(_ name: String, _ label: String) {
        self.name = name
        self.label = label
        id = "f-" + name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? String($0) : "-" }.joined()
    }

    static func text(_ name: String, _ label: String, required: Bool = false) -> Field {
        var field = Field(name, label)
        field.required = required
        field.marksOptional = !required
        return field
    }

    /// A password; what was typed is never sent back.
    static func password(_ name: String, _ label: String, required: Bool = false, new: Bool = false) -> Field {
        var field = text(name, label, required: required)
        field.type = "password"
        field.isSecret = true
        field.autocomplete = new ? "new-password" : "current-password"
        return field
    }

    /// Several lines.
    static func area(_ name: String, _ label: String) -> Field {
        var field = Field(name, label)
        field.isText = false
        field.isArea = true
        return field
    }

    static func select(_ name: String, _ label: String, _ options: [(value: String, label: String)]) -> Field {
        var field = Field(name, label)
        field.isText = false
        field.isSelect = true
        field.marksOptional = false
        field.options = options.map { Option(value: $0.value, label: $0.label, selected: false) }
        return field
    }

    static func checkbox(_ name: String, _ label: String) -> Field {
        var field = Field(name, label)
        field.isInput = false
        field.isCheckbox = true
        return field
    }

    /// Any number of a list.
    static func choices(_ name: String, _ label: String, _ options: [(value: String, label: String)]) -> Field {
        var field = Field(name, label)
        field.isInput = false
        field.isChoices = true
        field.marksOptional = false
        field.hasOptions = !options.isEmpty
        field.options = options.map { Option(value: $0.value, label: $0.label, selected: false) }
        return field
    }
}
