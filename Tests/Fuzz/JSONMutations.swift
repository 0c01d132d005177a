/// Changes that leave JSON whole, or nearly: values go, come twice, change places and become what nobody expects.
enum JSONMutations {
    private static let numbers = [
        "0", "-1", "1", "255", "256", "65536", "-9223372036854775808", "9223372036854775807", "9223372036854775808",
        "4611686018427387904", "-4611686018427387905", "18446744073709551615", "1e18", "1e400", "-1e-400", "0.5", "1e3",
        "9007199254740993", "01", "-0", "253402300800000000",
    ]
    private static let oddities = [
        "null", "true", "{}", "[]", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\n\"", "[null]", "{\"\":0}",
        "\"::ffff:1.2.3.4\"",
    ]

    /// Of the text's tokens, those that begin a value or a key, with the range of all that belongs to it.
    static func values(_ bytes: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var open: [Int] = []
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                open.append(index)
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                index += 1
                if let start = open.popLast() { found.append(start..<index) }
            case UInt8(ascii: "\""):
                let start = index
                index += 1
                while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                    index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                index = min(index + 1, bytes.count)
                found.append(start..<index)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
                let start = index
                while index < bytes.count, isWord(bytes[index]) { index += 1 }
                found.append(start..<index)
            default: index += 1
            }
        }
        return found
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "E"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    static func apply(_ input: [UInt8], _ other: [UInt8], _ words: [[UInt8]], _ random: inout Randomness) -> [UInt8] {
        let values = values(input)
        guard !values.isEmpty else { return ByteMutations.apply(input, other, words, &random) }
        let value = random.pick(values)
        var bytes = input
        switch random.below(9) {
        case 0...2: bytes.replaceSubrange(value, with: like(input[value], &random))
        case 3: bytes.replaceSubrange(value, with: Array(random.pick(oddities).utf8))
        case 4: bytes.replaceSubrange(value, with: input[random.pick(values)])
        case 5:
            let foreign = Self.values(other)
            if !foreign.isEmpty { bytes.replaceSubrange(value, with: other[random.pick(foreign)]) }
        case 6:
            // Once more, with the comma that makes it whole.
            bytes.insert(contentsOf: [UInt8(ascii: ",")] + input[value], at: value.upperBound)
        case 7:
            var end = value.upperBound
            if end < bytes.count, bytes[end] == UInt8(ascii: ",") { end += 1 }
            bytes.removeSubrange(value.lowerBound..<end)
        default:
            let depth = 1 << random.below(10)
            let (left, right): (UInt8, UInt8) = (UInt8(ascii: "["), UInt8(ascii: "]"))
            bytes.replaceSubrange(
                value,
                with: [UInt8](repeating: left, count: depth) + input[value] + [UInt8](repeating: right, count: depth))
        }
        return bytes
    }

    /// A value of the same kind.
    private static func like(_ value: ArraySlice<UInt8>, _ random: inout Randomness) -> [UInt8] {
        guard let first = value.first else { return [] }
        if first == UInt8(ascii: "\"") {
            if random.chance(30) { return Array("\"\(String(repeating: "x", count: random.below(600)))\"".utf8) }
            var text = Array(value)
            if text.count > 2 {
                text[1 + random.below(text.count - 2)] = random.pick(Array("0123456789abcdef-.:/ %\\\"".utf8))
            }
            return text
        }
        if first == UInt8(ascii: "-") || (48...57).contains(first) {
            let number = Int64(String(decoding: value, as: UTF8.self)) ?? 0
            if random.chance(50) { return Array(String(number &+ Int64(random.below(2001) - 1000)).utf8) }
            return Array(random.pick(numbers).utf8)
        }
        return Array(random.pick(["true", "false", "null"]).utf8)
    }
}
