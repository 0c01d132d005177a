extension Release {
    /// Whether a release is before this one; false where its name cannot be compared.
    public static func isNewer(than other: String) -> Bool { precedes(other, version) }

    /// Whether one name is before another; compares names such as `0.2.10`, by the numbers before whatever else they have.
    public static func precedes(_ one: String, _ other: String) -> Bool {
        guard let one = numbers(one), let other = numbers(other) else { return false }
        return one.lexicographicallyPrecedes(other)
    }

    private static func numbers(_ name: String) -> [Int]? {
        let parts = name.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }.split(separator: ".").map { Int($0) }
        guard !parts.isEmpty, !parts.contains(nil) else { return nil }
        // 1.2 and 1.2.0 are one.
        let numbers = parts.compactMap(\.self)
        return numbers + Array(repeating: 0, count: max(0, 4 - numbers.count))
    }
}
