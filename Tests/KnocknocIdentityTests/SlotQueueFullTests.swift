import Testing

@testable import KnocknocIdentity

@Suite("a full queue for hash slots")
struct SlotQueueFullTests {
    @Test("one lane that fills it makes room for another, newest first, until both are as long")
    func evict() {
        var queue = SlotQueue<String>(slots: 0, capacity: 4)
        for number in 1...4 { #expect(queue.ask("flood\(number)", lane: "flood") == .wait) }
        #expect(queue.ask("flood5", lane: "flood") == .full)
        #expect(queue.ask("calm1", lane: "calm") == .waitInsteadOf("flood4"))
        #expect(queue.ask("calm2", lane: "calm") == .waitInsteadOf("flood3"))
        #expect(queue.ask("calm3", lane: "calm") == .full)
        #expect(queue.waiting == 4)
        let withdrawn = queue.withdraw("flood4", lane: "flood")
        #expect(!withdrawn)
        let order = (0..<5).map { _ in queue.release() }
        #expect(order == ["flood1", "calm1", "flood2", "calm2", nil])
    }

    @Test("lanes of one each are not driven out")
    func fair() {
        var queue = SlotQueue<Int>(slots: 0, capacity: 3)
        for number in 1...3 { #expect(queue.ask(number, lane: "\(number)") == .wait) }
        #expect(queue.ask(4, lane: "4") == .full)
    }
}
