import KnocknocAgent
import KnocknocModel
import NIOConcurrencyHelpers

/// Clocks that stand still until a test moves them.
final class DrivenClocks: Clocks {
    private struct Sleeper {
        var due: Int64
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var boot: Int64 = 100_000
        var monotonic: Int64 = 100_000
        var wall: Int64 = 1_800_000_000_000
        var synchronised = true
        var next = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
    }

    let bootID: String
    private let state: NIOLockedValueBox<State>

    init(
        bootID: String = "boot-1", bootMilliseconds: Int64 = 100_000, wallMilliseconds: Int64 = 1_800_000_000_000,
        synchronised: Bool = true
    ) {
        self.bootID = bootID
        var state = State()
        state.boot = bootMilliseconds
        state.monotonic = bootMilliseconds
        state.wall = wallMilliseconds
        state.synchronised = synchronised
        self.state = NIOLockedValueBox(state)
    }

    func boot() -> BootTime { BootTime(milliseconds: state.withLockedValue { $0.boot }) }
    func monotonic() -> Int64 { state.withLockedValue { $0.monotonic } }
    func wall() -> Timestamp { Timestamp(microseconds: state.withLockedValue { $0.wall } * 1000) }
    func isSynchronised() -> Bool { state.withLockedValue { $0.synchronised } }

    /// Lets time pass, waking who slept long enough.
    func advance(milliseconds: Int64) { move(milliseconds, monotonic: milliseconds) }

    /// The machine sleeps: CLOCK_MONOTONIC, and with it every timer, stands still.
    func suspend(milliseconds: Int64) { move(milliseconds, monotonic: 0) }

    private func move(_ milliseconds: Int64, monotonic: Int64) {
        let woken = state.withLockedValue { state -> [CheckedContinuation<Void, Never>] in
            state.boot += milliseconds
            state.wall += milliseconds
            state.monotonic += monotonic
            let due = state.sleepers.filter { $0.value.due <= state.monotonic }
            for key in due.keys { state.sleepers[key] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    func sleep(until moment: Int64) async {
        let number = state.withLockedValue { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let over = state.withLockedValue { state in
                    if state.cancelled.remove(number) != nil || moment <= state.monotonic { return true }
                    state.sleepers[number] = Sleeper(due: moment, continuation: continuation)
                    return false
                }
                if over { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLockedValue { state -> Sleeper? in
                guard let sleeper = state.sleepers.removeValue(forKey: number) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return sleeper
            }
            sleeper?.continuation.resume()
        }
    }
}
