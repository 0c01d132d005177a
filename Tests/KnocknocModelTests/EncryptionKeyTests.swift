import KnocknocModel
import Testing

@Suite("the encryption key")
struct EncryptionKeyTests {
    @Test("is read as it is written, in hexadecimal too")
    func text() throws {
        for _ in 0..<50 {
            let key = EncryptionKey()
            #expect(EncryptionKey(key.text) == key)
            #expect(EncryptionKey(key.text + "=") == key)
            let digits = key.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            #expect(EncryptionKey(digits) == key && EncryptionKey(digits.uppercased()) == key)
        }
        #expect(EncryptionKey() != EncryptionKey())
        #expect(EncryptionKey(String(repeating: "A", count: 43))?.bytes == [UInt8](repeating: 0, count: 32))
        #expect(EncryptionKey(String(repeating: "_", count: 42) + "8")?.bytes == [UInt8](repeating: 255, count: 32))
    }

    @Test(
        "nothing else is one",
        arguments: [
            "", "none", String(repeating: "A", count: 42), String(repeating: "A", count: 44),
            String(repeating: "A", count: 42) + "B", String(repeating: "A", count: 42) + "+",
            String(repeating: "g", count: 64), String(repeating: "0", count: 63),
            "Ä" + String(repeating: "0", count: 62),
        ])
    func other(_ text: String) { #expect(EncryptionKey(text) == nil) }

    @Test("a file holds it in its first line that says something")
    func file() {
        #expect(EncryptionKey.line(of: "# made by setup\n\n  abc \nxyz") == "abc")
        #expect(EncryptionKey.line(of: "# This site has none.\n") == nil)
        #expect(EncryptionKey.line(of: "\n") == nil)
    }

    @Test("shows nothing of itself where it is printed by accident")
    func printed() {
        let key = EncryptionKey()
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), "\([key])", dumped] {
            #expect(!text.contains(key.text) && !text.contains("\(key.bytes[0]), \(key.bytes[1])"))
        }
    }
}
