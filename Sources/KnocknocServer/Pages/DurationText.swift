/// Lengths of time as people write them: `8 h`, `1h 30m`, `45 s`.
enum DurationText {
    private static let units: [(name: Character, seconds: Int64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]

    /// Seconds as the largest units that say them exactly.
    static func text(seconds: Int64) -> String {
        var rest = max(0, seconds)
        var parts: [String] = []
        for unit in units where rest >= unit.seconds {
            parts.append("\(rest / unit.seconds)\(unit.name)")
            rest %= unit.seconds
        }
        return parts.isEmpty ? "0s" : parts.joined(separator: " ")
    }

    /// The seconds that a text says, or nil where it says none: a bare number could mean anything.
    static func seconds(_ text: String) -> Int64? {
        var total: Int64 = 0
        var digits = ""
        var found = false
        for character in text.lowercased() where character != " " {
            if character.isASCII, character.isNumber {
                digits.append(character)
                guard digits.count <= 9 else { return nil }
                continue
            }
            guard let unit = units.first(where: { $0.name == character }), let number = Int64(digits) else {
                return nil
            }
            total += number * unit.seconds
            digits = ""
            found = true
        }
        return found && digits.isEmpty && total <= 3650 * 86_400 ? total : nil
    }
}
