extension IPAddress: CustomStringConvertible, LosslessStringConvertible {
    /// Reads dotted-decimal IPv4 (no leading zeros, which some readers take for octal) or RFC 4291 IPv6 text.
    /// Zone identifiers and surrounding space are refused.
    public init?(_ text: String) {
        let utf8 = Array(text.utf8)
        if utf8.contains(UInt8(ascii: ":")) {
            guard let value = Self.parseV6(utf8) else { return nil }
            self = Self(v6: value)
        } else {
            guard let value = Self.parseV4(utf8[...]) else { return nil }
            self = .v4(value)
        }
    }

    /// The canonical text: dotted decimal, or RFC 5952 for IPv6.
    public var description: String {
        switch self {
        case .v4(let value):
            return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
        case .v6(let value):
            let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> (112 - 16 * $0)) }
            guard let gap = Self.longestZeroRun(groups) else { return Self.join(groups[...]) }
            return Self.join(groups[..<gap.lowerBound]) + "::" + Self.join(groups[gap.upperBound...])
        }
    }

    private static func join(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// The first longest run of at least two zero groups (RFC 5952 §4.2).
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best?.count ?? 0 { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func parseV4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (48...57).contains($0) }) else { return nil }
            guard part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            let octet = part.reduce(0) { $0 * 10 + Int($1 - 48) }
            guard octet <= 255 else { return nil }
            value = value << 8 | UInt32(octet)
        }
        return value
    }

    private static func parseV6(_ text: [UInt8]) -> UInt128? {
        guard text.count <= 45 else { return nil }
        var head: [UInt16] = []
        var tail: [UInt16]?
        var rest = text[...]
        if rest.starts(with: [58, 58]) {
            tail = []
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            let part = rest[..<end]
            var groups: [UInt16] = []
            if part.contains(UInt8(ascii: ".")) {
                guard end == rest.endIndex, let v4 = parseV4(part) else { return nil }
                groups = [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
            } else {
                guard (1...4).contains(part.count),
                    let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16),
                    part.first != UInt8(ascii: "+")
                else { return nil }
                groups = [group]
            }
            if tail == nil { head += groups } else { tail? += groups }
            rest = rest[end...]
            guard !rest.isEmpty else { break }
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: ":") {
                guard tail == nil else { return nil }
                tail = []
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        let given = head.count + (tail?.count ?? 0)
        guard tail == nil ? given == 8 : given <= 7 else { return nil }
        let groups = head + Array(repeating: 0, count: 8 - given) + (tail ?? [])
        return groups.reduce(0) { $0 << 16 | UInt128($1) }
    }
}
