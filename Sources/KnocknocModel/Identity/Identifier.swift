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

    /// A new version 4 identifier: 122 random bits, and nothing to tell it by (RFC 9562 §5.4).
    public static func random() -> Self {
        var generator = SystemRandomNumberGenerator()
        let random = UInt128(generator.next()) << 64 | UInt128(generator.next())
        let mask: UInt128 = 0xffff_ffff_ffff_0fff_3fff_ffff_ffff_ffff
        return Self(value: random & mask | 0x4000_8000_0000_0000_0000)
    }
}

extension Identifier: CustomStringConvertible, LosslessStringConvertible {
    /// Reads the 36-character form, in either case.
    public init?(_ text: String) {
        var text = text
        guard let value = text.withUTF8(Self.parse) else { return nil }
        self.value = value
    }

    public var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var rest = value
            for index in stride(from: 35, through: 0, by: -1) {
                if Self.isDash(index) {
                    text.initializeElement(at: index, to: UInt8(ascii: "-"))
                    continue
                }
                let digit = UInt8(truncatingIfNeeded: rest & 15)
                text.initializeElement(at: index, to: digit < 10 ? 48 + digit : 87 + digit)
                rest >>= 4
            }
            return 36
        }
    }

    private static func isDash(_ index: Int) -> Bool { index == 8 || index == 13 || index == 18 || index == 23 }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> UInt128? {
        guard text.count == 36 else { return nil }
        var value: UInt128 = 0
        for (index, byte) in text.enumerated() {
            let digit: UInt8
            switch byte {
            case _ where isDash(index):
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt128(digit)
        }
        return value
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
