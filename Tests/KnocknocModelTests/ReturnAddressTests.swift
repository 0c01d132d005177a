import KnocknocModel
import Testing

@Suite("addresses to go back to")
struct ReturnAddressTests {
    @Test("are at the base URL of a Knoc by scheme, host and port, whatever follows")
    func same() throws {
        for (address, url) in [
            ("https://wiki.example", "https://wiki.example/"),
            ("https://wiki.example/a/../b?c#d", "https://WIKI.example/x"),
            ("https://wiki.example:443/", "https://wiki.example"),
            ("http://[2001:db8::1]:8080/?a", "http://[2001:db8::1]:8080"),
            ("https://wiki.example?a=https://evil.example", "https://wiki.example"),
        ] { #expect(try #require(ReturnAddress(address)).isAt(url), "\(address)") }
        for (address, url) in [
            ("http://wiki.example/", "https://wiki.example/"), ("https://wiki.example:8443/", "https://wiki.example"),
            ("https://a.wiki.example/", "https://wiki.example"), ("https://wiki.example./", "https://wiki.example"),
            ("https://wiki.example/", "ssh://wiki.example"), ("https://wiki.example/", "wiki"),
        ] { #expect(try #require(ReturnAddress(address)).isAt(url) == false, "\(address)") }
    }

    @Test("are covered by the base URL with the longest path, by whole segments")
    func coverage() throws {
        let address = try #require(ReturnAddress("https://apps.example/wiki/a?b=/admin/x#/c"))
        for (url, coverage) in [
            ("https://apps.example", 1), ("https://apps.example/", 1), ("https://apps.example/wiki", 2),
            ("https://apps.example/wiki/", 2), ("https://APPS.example:443/wiki/a?x", 3),
            ("https://apps.example/wik", 0), ("https://apps.example/wiki/a/b", 0), ("https://apps.example/admin", 0),
            ("https://wiki.example/wiki", nil), ("wiki", nil),
        ] { #expect(address.coverage(by: url) == coverage, "\(url)") }
    }

    @Test(
        "are read strictly",
        arguments: [
            "", "wiki.example", "//wiki.example", "https:/wiki.example", "https://", "https://a@b", "https://a\\b",
            "https://a b", "https://a/\n", "https://a/\u{e9}", "https://a/\"", "https://a/<",
            "javascript://a/%0aalert(1)",
            "ftp://a", "https://a:b", "https://a:99999", "https://[::1", "https://a%2eb", "https://a;b",
        ])
    func strict(_ text: String) { #expect(ReturnAddress(text) == nil) }

    @Test("travel as one value of a query")
    func escaped() throws {
        #expect(
            try #require(ReturnAddress("https://a-b.example/x?y=%2F&z=1+2")).escaped
                == "https%3A%2F%2Fa-b.example%2Fx%3Fy%3D%252F%26z%3D1%2B2")
        #expect(ReturnAddress("https://a/" + String(repeating: "x", count: 4100)) == nil)
    }
}
