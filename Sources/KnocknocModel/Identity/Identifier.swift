/// The identifier of one kind of thing: a UUID, version 7 for those made here (RFC 9562 §5.7).
public struct Identifier<Subject>: Hashable, Sendable {
    public let value: UInt128

    public init(value: UInt128) { self.value = value }

    /// A new version 7 identifier: 48 bits of milliseconds since 1970, then random bits.
    public static func new(at time: Timestamp, using generator: inout some RandomNumberGenerator) -> Self {
        let milliseconds = UInt128(UInt64(clamping: time.microseconds / 1000)) & 0xffff_ffff_ffff
        let random = UInt128(generator.next()) << 64 | UInt128(generator.next())
        let mask: UInt128 = 0x0fff_3fff_ffff_ffff_ffff
        let version: UInt128 = 0x7000_8000_0000_0000_0000
        return Self(value: milliseconds << 80 | (random & mask) | version)
    }

    public static func new(at time: Timestamp) -> Self {
        var generator = SystemRandomNumberGenerator()
        return new(at: time, using: &generator)
    }
}

extension Identifier: CustomStringConvertible, LosslessStringConvertible {
    /// Reads the 36-character form, in either case.
    public init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard utf8.count == 36 else { return nil }
        var value: UInt128 = 0
        for (index, byte) in utf8.enumerated() {
            if [8, 13, 18, 23].contains(index) {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt128(digit)
        }
        self.value = value
    }

    public var description: String {
        let digits = String(value, radix: 16)
        var text = String(repeating: "0", count: 32 - digits.count) + digits
        for offset in [20, 16, 12, 8] { text.insert("-", at: text.index(text.startIndex, offsetBy: offset)) }
        return text
    }
}

extension Identifier: Comparable {
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let identifier = Self(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not a UUID")
        }
        self = identifier
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Identifier: CodingKeyRepresentable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public var codingKey: any CodingKey { Key(stringValue: description) }

    public init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }
}
