import ArgumentParser
import Crypto

struct GenkeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "genkey", abstract: "Prints a new EncryptionKey, or a new token for an agent.")

    @Flag(help: "A token for an agent instead of an EncryptionKey.") var agentToken = false
    @Flag(name: .customLong("hash"), help: "Its SHA-256 on a second line, as the database stores tokens.")
    var withHash = false

    func run() {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let text = agentToken ? Encoding.base64URL(bytes) : Encoding.hexadecimal(bytes)
        Exit.tell(text)
        if withHash { Exit.tell(Encoding.hexadecimal(Array(SHA256.hash(data: Array(text.utf8))))) }
    }
}

enum Encoding {
    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// RFC 4648 §5 without padding.
    static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var result: [UInt8] = []
        for index in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes[index..<min(index + 3, bytes.count)]
            let number = rest.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - rest.count))
            for position in 0...rest.count { result.append(alphabet[number >> (18 - 6 * position) & 63]) }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
