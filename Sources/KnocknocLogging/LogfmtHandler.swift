import Glibc
public import Logging
import Synchronization

/// Log lines `time level message key=value …` on standard error, at a level that a reload may change.
public struct LogfmtHandler: LogHandler {
    private static let level = Mutex(Logger.Level.info)
    private static let kept = Mutex(KeptLines())

    /// Changes the level of every logger at once.
    public static func setLevel(_ level: Logger.Level) { Self.level.withLock { $0 = level } }

    /// From now on the last lines are kept in memory too, each up to 500 bytes.
    public static func keep(lines: Int) { kept.withLock { $0.limit = lines } }

    /// At most so many of the lines that were kept, the oldest first.
    public static func recent(_ count: Int) -> [String] { kept.withLock { $0.last(count) } }

    public var metadata: Logger.Metadata = [:]
    private let label: String

    public init(label: String) { self.label = label }

    public var logLevel: Logger.Level {
        get { Self.level.withLock { $0 } }
        set { Self.setLevel(newValue) }
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var line = Self.time() + " " + event.level.rawValue + " " + Self.clean("\(event.message)")
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted("\(value)"))" }
        Self.kept.withLock { $0.add(line) }
        line += "\n"
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }

    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let milliseconds = Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
        return LogTime.text(milliseconds)
    }

    private static func quoted(_ text: String) -> String {
        let plain = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 != 61 && $0 < 127 }
        return plain ? text : "\"" + clean(text).replacing("\"", with: "'") + "\""
    }

    /// One line stays one line.
    private static func clean(_ text: String) -> String {
        String(text.map { $0.isNewline || $0.asciiValue.map { $0 < 32 } == true ? " " : $0 })
    }
}
