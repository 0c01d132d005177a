import ArgumentParser
import Crypto
import KnocknocModel

struct GenkeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "genkey", abstract: "Prints a new EncryptionKey, or a new token for an agent, and nothing else.")

    @Flag(help: "A token for an agent instead of an EncryptionKey.") var agentToken = false
    @Flag(name: .customLong("hash"), help: "Its SHA-256 on a second line, as in sha256:HEX.")
    var withHash = false

    func run() {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let text = agentToken ? "kna_" + Base64URL.encode(bytes) : Encoding.hexadecimal(bytes)
        Exit.tell(text)
        if withHash { Exit.tell("sha256:" + Encoding.hexadecimal(Array(SHA256.hash(data: Array(text.utf8))))) }
    }
}

enum Encoding {
    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
