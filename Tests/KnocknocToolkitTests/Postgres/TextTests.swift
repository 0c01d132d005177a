import KnocknocStore
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite("names inside SQL and URLs")
struct TextTests {
    @Test("no body ends the quotes of its block", arguments: ["begin end", "$do$ $doo$ '; drop", "x $do", "$dooo$$do"])
    func block(_ body: String) throws {
        let text = SQLText.block(body)
        let tag = try #require(text.dropFirst(3).split(separator: "\n").first)
        #expect(text.hasPrefix("do \(tag)\n") && text.hasSuffix("\n\(tag);"))
        #expect(text.ranges(of: tag).count == 2 && text.contains("\n\(body)\n"))
    }

    @Test("a database's odd name is the same after a URL")
    func names() throws {
        let lines = NodeAdvice.lines(hosts: ["10.0.0.1"], port: 5432, database: "a/b?c d&e")
        let url = try #require(
            lines.last?.firstRange(of: "postgres://").map { String(lines.last?[$0.lowerBound...] ?? "") })
        #expect(try DatabaseURL(url).places().first?.database == "a/b?c d&e")
    }
}
