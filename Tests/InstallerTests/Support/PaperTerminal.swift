import KnocknocSystem
import Synchronization

@testable import KnocknocInstaller

/// A terminal whose keyboard is a list; the input ends with it.
final class PaperTerminal: Terminal, Console {
    private struct State {
        var lines: [String]
        var said: [String] = []
        var prompts: [String] = []
        var told: [String] = []
    }

    private let state: Mutex<State>

    /// - Parameter enters: how often Enter is pressed after the last line.
    init(_ lines: [String], enters: Int = 0) {
        state = Mutex(State(lines: lines + Array(repeating: "", count: enters)))
    }

    /// Everything on the screen but what was typed.
    var screen: String { state.withLock { $0.said.joined(separator: "\n") } }
    var prompts: [String] { state.withLock { $0.prompts } }
    /// Standard output.
    var results: [String] { state.withLock { $0.told } }
    var unread: Int { state.withLock { $0.lines.count } }

    func say(_ line: String) { state.withLock { $0.said.append(line) } }

    func note(_ line: String) { say(line) }

    func tell(_ line: String) {
        state.withLock {
            $0.said.append(line)
            $0.told.append(line)
        }
    }

    func ask(_ prompt: String, isSecret: Bool) -> String? {
        state.withLock { state in
            state.said.append(prompt)
            state.prompts.append((isSecret ? "(hidden) " : "") + prompt)
            return state.lines.isEmpty ? nil : state.lines.removeFirst()
        }
    }
}
