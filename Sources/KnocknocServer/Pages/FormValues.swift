/// The fields of a form as text: what was typed, or what is stored, before anything is made of it.
struct FormValues {
    private var values: [String: [String]]

    init(_ values: [String: [String]] = [:]) { self.values = values }
    init(_ form: FormFields) { values = form.values }

    subscript(name: String) -> String? {
        get { values[name]?.first }
        set { values[name] = newValue.map { [$0] } }
    }

    /// Without the spaces around it; empty where the field is absent.
    func text(_ name: String) -> String {
        let text = values[name]?.first ?? ""
        guard let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(text[first...last])
    }

    /// Exactly what was typed, for passwords.
    func raw(_ name: String) -> String { values[name]?.first ?? "" }

    /// nil where nothing was typed.
    func optional(_ name: String) -> String? {
        let text = text(name)
        return text.isEmpty ? nil : text
    }

    func all(_ name: String) -> [String] { values[name] ?? [] }
    mutating func set(_ name: String, all list: [String]) { values[name] = list }

    func flag(_ name: String) -> Bool { ["true", "on", "1"].contains(raw(name)) }
    mutating func set(_ name: String, flag: Bool) { values[name] = flag ? ["true"] : nil }

    /// Words separated by commas or spaces.
    func words(_ name: String) -> [String] {
        text(name).split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    /// The names of all fields that are there.
    var names: [String] { Array(values.keys) }
}
