import Testing

@testable import KnocknocLogging

@Suite("the last lines of a log")
struct KeptLinesTests {
    @Test("the newest are kept, the oldest first, as many as are asked for")
    func ring() {
        var kept = KeptLines()
        kept.add("before anybody wants them")
        #expect(kept.last(9).isEmpty)
        kept.limit = 3
        for number in 1...2 { kept.add("\(number)") }
        #expect(kept.last(9) == ["1", "2"])
        for number in 3...7 { kept.add("\(number)") }
        #expect(kept.last(9) == ["5", "6", "7"])
        #expect(kept.last(2) == ["6", "7"])
        #expect(kept.last(0).isEmpty && kept.last(-1).isEmpty)
    }

    @Test("a line that is very long is cut")
    func long() {
        var kept = KeptLines()
        kept.limit = 1
        kept.add(String(repeating: "ä", count: 1000))
        #expect(kept.last(1)[0].utf8.count <= KeptLines.longest + 3)
        #expect(kept.last(1)[0].hasSuffix("…"))
    }
}
