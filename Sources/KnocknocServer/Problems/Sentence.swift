/// A message of a lower floor as people read it, the same on pages and in the API: a capital letter and a full stop.
enum Sentence {
    static func of(_ message: String) -> String {
        guard let first = message.first, let last = message.last else { return message }
        let word = message.prefix { $0 != " " }
        // A field's own name is written as it is: "ports: …", "guard.ports: …", "enforcement[0]: …".
        let isName = word.contains { !$0.isLetter && $0 != "," && $0 != ";" && $0 != "'" && $0 != "-" }
        let begun = isName ? message : first.uppercased() + message.dropFirst()
        return ".!?…".contains(last) ? begun : begun + "."
    }
}
