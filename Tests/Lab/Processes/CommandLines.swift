import Foundation
import Synchronization

/// Every command line that a process of this machine was seen with, from the beginning to ``stop()``.
public final class CommandLines: Sendable {
    private struct State {
        var seen: Set<String> = []
        var isStopped = false
    }
    private let state = Mutex(State())

    public init() {
        Thread.detachNewThread { [self] in
            while !state.withLock({ $0.isStopped }) {
                let lines = Self.now()
                state.withLock { $0.seen.formUnion(lines) }
                usleep(5000)
            }
        }
    }

    /// - Returns: the lines, their words parted by blanks.
    public func stop() -> Set<String> {
        state.withLock { state in
            state.isStopped = true
            return state.seen
        }
    }

    /// The command lines of this moment; the host's own `ps` would be among them.
    private static func now() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.filter { $0.first?.isNumber == true }.compactMap { name in
            guard let data = FileManager.default.contents(atPath: "/proc/\(name)/cmdline"), !data.isEmpty else {
                return nil
            }
            return String(decoding: data.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
        }
    }
}
