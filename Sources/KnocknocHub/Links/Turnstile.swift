import Synchronization

/// Lets so many in at a time, in the order in which they come.
///
/// Agents of a node that is gone come all at once. Each of them asks the store for several things one after the other, and
/// where thousands do so side by side none gets its answers in time, and nobody's grants get through between them.
final class Turnstile: Sendable {
    /// The place of one that is let in; it is free again at the latest when nobody holds this any more.
    final class Turn: Sendable {
        private let turnstile: Turnstile
        private let isOver = Mutex(false)

        fileprivate init(_ turnstile: Turnstile) { self.turnstile = turnstile }

        deinit { leave() }

        func leave() {
            let isFirst = isOver.withLock { isOver in
                defer { isOver = true }
                return !isOver
            }
            if isFirst { turnstile.leave() }
        }
    }

    private struct Waiter {
        var number: UInt64
        var letIn: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var line: ArraySlice<Waiter> = []
        var lastNumber: UInt64 = 0
    }

    private let state: Mutex<State>

    init(places: Int) { state = Mutex(State(free: places)) }

    /// How many wait.
    var waiting: Int { state.withLock { $0.line.count } }

    /// Waits for a place.
    ///
    /// - Throws: `CancellationError` where the task is cancelled before it has one.
    func enter() async throws(CancellationError) -> Turn {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let isIn = await withTaskCancellationHandler {
            await withCheckedContinuation { letIn in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.line.append(Waiter(number: number, letIn: letIn))
                    return nil
                }
                if let answer { letIn.resume(returning: answer) }
            }
        } onCancel: {
            giveUp(number)
        }
        guard isIn else { throw CancellationError() }
        return Turn(self)
    }

    private func giveUp(_ number: UInt64) {
        let waiter = state.withLock { state in
            state.line.firstIndex { $0.number == number }.map { state.line.remove(at: $0) }
        }
        waiter?.letIn.resume(returning: false)
    }

    private func leave() {
        let next = state.withLock { state in
            let next = state.line.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.letIn.resume(returning: true)
    }
}
