import Testing

@testable import KnocknocAgent

@Suite("the wait between attempts")
struct BackoffTests {
    @Test("the first wait is short, the others grow to 30 s and never stop")
    func grows() {
        for seed in 0..<200 {
            var generator = Seeded(state: UInt64(seed))
            var backoff = Backoff(servers: 1)
            #expect((100...300).contains(backoff.next(using: &generator)))
            var ceiling: Int64 = 1000
            for _ in 0..<100 {
                #expect((100...ceiling).contains(backoff.next(using: &generator)))
                ceiling = min(30_000, ceiling * 2)
            }
        }
    }

    @Test("waits are spread over the whole range, so that agents do not come back together")
    func jitter() {
        var generator = Seeded(state: 1)
        let waits = (0..<300).map { _ in
            var backoff = Backoff(servers: 1)
            for _ in 0..<9 { _ = backoff.next(using: &generator) }
            return backoff.next(using: &generator)
        }
        #expect(waits.contains { $0 < 6000 } && waits.contains { $0 > 24_000 })
    }

    @Test("other servers are tried before anything is waited for")
    func cycles() {
        var generator = Seeded(state: 3)
        var backoff = Backoff(servers: 3)
        let waits = (0..<4).map { _ in backoff.next(using: &generator) }
        #expect(waits[0] <= 300 && waits[1] <= 60 && waits[2] <= 60 && waits[3] >= 100)
    }

    @Test("where a server says so, the first wait is spread too, and none after it")
    func spread() {
        var generator = Seeded(state: 5)
        let waits = (0..<300).map { _ in
            var backoff = Backoff(servers: 1)
            let first = backoff.next(spread: 8000, using: &generator)
            #expect(backoff.next(spread: 8000, using: &generator) <= 1000)
            return first
        }
        #expect(waits.allSatisfy { (100...8000).contains($0) })
        #expect(waits.contains { $0 < 1500 } && waits.contains { $0 > 6500 })
    }

    @Test("a link that stood starts it anew")
    func succeeded() {
        var generator = Seeded(state: 4)
        var backoff = Backoff(servers: 1)
        for _ in 0..<20 { _ = backoff.next(using: &generator) }
        backoff.succeeded()
        #expect(backoff.next(using: &generator) <= 300)
    }
}

/// SplitMix64, so that a failing seed can be run again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
