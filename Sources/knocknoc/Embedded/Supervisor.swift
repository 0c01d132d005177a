import FoundationEssentials
import Glibc
import KnocknocServer
import KnocknocStore

/// The running supervisor process and the pipe that keeps it alive.
struct Supervisor: Sendable {
    let pid: pid_t
    let pipe: Int32

    /// - Throws: where no agent executable is found or no process can be made.
    static func start() throws -> Supervisor {
        let agent = try AgentExecutable.path()
        let pipe = try ChildProcess.pipe()
        let pid = try ChildProcess.spawn(
            [try AgentExecutable.ownPath(), "supervise", agent], environment: [],
            descriptors: [pipe.read, STDOUT_FILENO, STDERR_FILENO], ownGroup: true)
        close(pipe.read)
        return Supervisor(pid: pid, pipe: pipe.write)
    }

    /// Tells the supervisor what to start the agent with.
    func begin(_ environment: [(String, String)], token: String) {
        let kept = ProcessInfo.processInfo.environment.filter { key, value in
            Self.inherited.contains(key) && !value.contains("\n")
        }
        let all = kept.merging(environment) { $1 }
        let lines = all.map { "\($0.key)=\($0.value)" }.sorted()
        ChildProcess.writeAll((lines + ["", token, ""]).joined(separator: "\n"), to: pipe)
    }

    /// What the agent has of our environment: what the administrator says of this machine, and nothing of another
    /// agent's link or files.
    private static let inherited: Set<String> = [
        "KNOCKNOC_AGENT_ALWAYS_ALLOW", "KNOCKNOC_AGENT_NEVER_GUARD", "KNOCKNOC_AGENT_TRUST_RTC",
        "KNOCKNOC_AGENT_ZONE", "KNOCKNOC_AGENT_ALLOW_BACKENDS", "KNOCKNOC_AGENT_ALLOW_TABLES",
        "KNOCKNOC_AGENT_ALLOW_SETS", "KNOCKNOC_AGENT_ALLOW_PORTS", "KNOCKNOC_AGENT_MAX_DURATION",
        "KNOCKNOC_AGENT_MAX_ENTRIES", "KNOCKNOC_AGENT_MAX_PREFIX", "KNOCKNOC_AGENT_CUSTOM_SCRIPTS",
        "KNOCKNOC_AGENT_SCRIPT_DIRECTORY", "KNOCKNOC_AGENT_SCRIPT_VARIABLES", "KNOCKNOC_AGENT_SCRIPT_SECONDS",
        "KNOCKNOC_AGENT_HAPROXY_FOLDER", "KNOCKNOC_AGENT_HAPROXY_SOCKETS", "PATH", "HOME", "LANG", "TZ",
    ]

    /// Whether the process has ended.
    func hasEnded() -> Bool {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) != 0
    }
}
