import KnocknocSystem
import Synchronization

/// Keeps what a command says.
final class Recorder: Console {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }
    var text: String { lines.joined(separator: "\n") }

    func tell(_ line: String) { kept.withLock { $0.append(line) } }
    func note(_ line: String) { kept.withLock { $0.append(line) } }
}
