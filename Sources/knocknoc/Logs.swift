import KnocknocLogging
import KnocknocServer
import Logging

enum Logs {
    /// Sends all logs to standard error; once for each process.
    static func start(_ level: Logger.Level) -> Logger {
        LogfmtHandler.setLevel(level)
        LoggingSystem.bootstrap { LogfmtHandler(label: $0) }
        return Logger(label: "knocknoc")
    }
}
