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

    /// A message that is shown beside the field that it is about: without the API's name for it at the front.
    static func beside(_ message: String) -> String {
        let word = message.prefix { $0 != " " }
        let name = word.dropLast()
        let isName = name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" }
        guard word.last == ":", isName, name.first?.isLetter == true else { return of(message) }
        let rest = message.dropFirst(word.count + 1)
        return of(rest.prefix(1).uppercased() + rest.dropFirst())
    }
}
