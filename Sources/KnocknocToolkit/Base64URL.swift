/// RFC 4648 §5 without padding.
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for index in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes[index..<min(index + 3, bytes.count)]
            let number = rest.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - rest.count))
            for position in 0...rest.count { text.append(alphabet[number >> (18 - 6 * position) & 63]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Takes the other alphabet and padding too.
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (number, bits) = (0, 0)
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let plain = byte == UInt8(ascii: "+") ? 45 : byte == UInt8(ascii: "/") ? 95 : byte
            guard let digit = alphabet.firstIndex(of: plain) else { return nil }
            (number, bits) = ((number << 6 | digit) & 0xffff, bits + 6)
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: number >> bits))
            }
        }
        return bytes
    }

    /// A new secret of 192 bits.
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return encode((0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}
