import Synchronization
import Testing

@testable import KnocknocAccess

@Suite("reads that are shared", .timeLimit(.minutes(1)))
struct SharedReadTests {
    private struct Refusal: Error {}

    /// A store whose reads end when they are told to.
    private final class Store: Sendable {
        private struct State {
            var begun = 0
            var answers: [CheckedContinuation<Int, any Error>] = []
        }

        private let state = Mutex(State())
        let reads = SharedReads<String, Int>()

        var begun: Int { state.withLock { $0.begun } }

        /// Asks; the question is on its way when this returns.
        func ask(_ key: String = "a") -> Task<Int, any Error> {
            Task.immediate {
                try await reads.value(of: key) {
                    try await withCheckedThrowingContinuation { answer in
                        self.state.withLock { state in
                            state.begun += 1
                            state.answers.append(answer)
                        }
                    }
                }
            }
        }

        func wait(for count: Int) async { while begun < count { await Task.yield() } }

        func answer(_ result: Result<Int, any Error>) {
            state.withLock { $0.answers.removeFirst() }.resume(with: result)
        }
    }

    @Test("whoever asks while one is under way gets the next, with all others who do")
    func next() async throws {
        let store = Store()
        let first = store.ask()
        await store.wait(for: 1)
        let late = [store.ask(), store.ask(), store.ask()]
        #expect(store.begun == 1)
        store.answer(.success(1))
        #expect(try await first.value == 1)
        await store.wait(for: 2)
        let later = store.ask()
        store.answer(.success(2))
        for task in late { #expect(try await task.value == 2) }
        await store.wait(for: 3)
        store.answer(.success(3))
        #expect(try await later.value == 3)
        #expect(store.begun == 3)
    }

    @Test("other questions do not wait")
    func others() async throws {
        let store = Store()
        let first = store.ask("a")
        await store.wait(for: 1)
        let other = store.ask("b")
        await store.wait(for: 2)
        store.answer(.success(1))
        store.answer(.success(2))
        #expect(try await first.value == 1)
        #expect(try await other.value == 2)
    }

    @Test("a failure is that of its askers alone")
    func failure() async throws {
        let store = Store()
        let first = store.ask()
        await store.wait(for: 1)
        let second = store.ask()
        store.answer(.failure(Refusal()))
        await #expect(throws: Refusal.self) { try await first.value }
        await store.wait(for: 2)
        store.answer(.success(2))
        #expect(try await second.value == 2)
        let third = store.ask()
        await store.wait(for: 3)
        store.answer(.success(3))
        #expect(try await third.value == 3)
    }
}
