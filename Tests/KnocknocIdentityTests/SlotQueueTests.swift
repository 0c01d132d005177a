import Testing

@testable import KnocknocIdentity

@Suite("the queue for hash slots")
struct SlotQueueTests {
    @Test("slots are given out, then tickets wait, then the queue is full")
    func bounds() {
        var queue = SlotQueue<Int>(slots: 1, capacity: 1)
        #expect(queue.ask(1, lane: "a") == .go)
        #expect(queue.ask(2, lane: "a") == .wait)
        #expect(queue.ask(3, lane: "b") == .full)
        #expect(queue.release() == 2)
        #expect(queue.release() == nil)
        #expect(queue.ask(4, lane: "a") == .go)
    }

    @Test("lanes take turns, so that a flood waits for itself")
    func turns() {
        var queue = SlotQueue<String>(slots: 0, capacity: 100)
        for number in 1...3 { #expect(queue.ask("flood\(number)", lane: "flood") == .wait) }
        #expect(queue.ask("calm", lane: "calm") == .wait)
        let order = (0..<5).map { _ in queue.release() }
        #expect(order == ["flood1", "calm", "flood2", "flood3", nil])
    }

    @Test("a ticket that is withdrawn gets nothing")
    func withdraw() {
        var queue = SlotQueue<Int>(slots: 0, capacity: 100)
        _ = queue.ask(1, lane: "a")
        _ = queue.ask(2, lane: "a")
        let withdrawn = [queue.withdraw(1, lane: "a"), queue.withdraw(1, lane: "a")]
        #expect(withdrawn == [true, false])
        #expect(queue.release() == 2)
        #expect(queue.waiting == 0)
    }
}
