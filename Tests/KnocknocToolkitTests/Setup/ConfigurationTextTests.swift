import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite("editing a configuration")
struct ConfigurationTextTests {
    private let text = """
        # The portal of the east.

        Listen = 127.0.0.1:8756
        # PublicURL = https://knock.example
        #TrustedForwarders=10.0.0.1/32
        Future = a key of another release   # stays
        NodeName = "web 1"
        """

    @Test("a value changes in its line, and everything else stays byte for byte")
    func change() throws {
        var edited = ConfigurationText(text)
        try edited.set("Listen", "[::]:8756")
        #expect(edited.text == text.replacing("Listen = 127.0.0.1:8756", with: "Listen = [::]:8756") + "\n")
        try edited.set("Listen", "127.0.0.1:8756")
        #expect(edited.text == text + "\n")
        var same = ConfigurationText(text)
        try same.set("NodeName", "web 1")
        #expect(same.text == text)
    }

    @Test("a new key stands below its comment, else at the end, and goes without a trace")
    func insert() throws {
        var edited = ConfigurationText(text)
        try edited.set("PublicURL", "https://a.example")
        try edited.set("TrustedForwarders", "10.0.0.2/32")
        try edited.set("Zone", "east")
        let lines = edited.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(
            lines[3...6] == [
                "# PublicURL = https://knock.example", "PublicURL = https://a.example",
                "#TrustedForwarders=10.0.0.1/32", "TrustedForwarders = 10.0.0.2/32",
            ])
        #expect(lines.suffix(2) == ["Zone = east", ""])
        for key in ["PublicURL", "TrustedForwarders", "Zone", "Nothing"] { try edited.set(key, nil) }
        #expect(edited.text == text + "\n")
    }

    @Test(
        "what is written is what is read, or is refused", arguments: ["a", "a b", " a", "a#b", "a # b", "#", "a ", ""])
    func quoting(_ value: String) throws {
        var edited = ConfigurationText("")
        try edited.set("Key", value)
        #expect(edited["Key"] == value && ConfigurationText(edited.text)["Key"] == value, "\(edited.text)")
        for impossible in ["\"", "\" #", "a\nListen = 1"] {
            #expect(throws: SystemError.self) { try edited.set("Key", impossible) }
        }
    }

    @Test("what is shown of a configuration has no password and no key")
    func redacted() {
        let shown = SetupPlan.redacted(
            """
            DatabaseURL = postgres://u:s3cret@h/d?knocknoc_key=k3y
            ListenURL = postgres://u:s3cret@h/d
            EncryptionKey = k3y
            Zone = east
            """)
        #expect(!shown.contains("s3cret") && !shown.contains("k3y") && shown.contains("Zone = east"))
    }
}
