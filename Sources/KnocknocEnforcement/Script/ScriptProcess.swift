import CLinux
import Glibc
import KnocknocModel

/// Runs a script to its end, on a thread of its own.
enum ScriptProcess {
    /// What of the output is kept at most, in bytes; the end of it says why.
    private static let keptOutput = 4096
    /// Milliseconds between SIGTERM and SIGKILL.
    private static let grace: Int64 = 2000

    /// - Returns: nil where it succeeded, else why not.
    static func run(_ call: ScriptCall, _ options: ScriptOptions) async -> String? {
        await withCheckedContinuation { continuation in
            do throws(EnforcementError) {
                try startThread("script", networkNamespace: nil) {
                    do throws(EnforcementError) {
                        continuation.resume(returning: try finish(call, options))
                    } catch {
                        continuation.resume(returning: error.message)
                    }
                }
            } catch {
                continuation.resume(returning: error.message)
            }
        }
    }

    private static func finish(_ call: ScriptCall, _ options: ScriptOptions) throws(EnforcementError) -> String? {
        let file = try ScriptFile.open(call.command.path, below: options.trustedFolder)
        defer { close(file) }
        var ends: [Int32] = [-1, -1]
        guard knocknoc_pipe(&ends) == 0 else {
            throw EnforcementError(.unavailable, "a pipe for \(call.description): \(systemMessage(errno))")
        }
        let reader = ends[0]
        defer { close(reader) }
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
        let pid: pid_t
        do throws(EnforcementError) { pid = try spawn(call, file, ends[1]) } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        return wait(for: pid, reader, call, options)
    }

    private static func wait(
        for pid: pid_t, _ reader: Int32, _ call: ScriptCall, _ options: ScriptOptions
    ) -> String? {
        let process = knocknoc_pidfd_open(pid)
        defer { if process >= 0 { close(process) } }
        var output: [UInt8] = []
        var isOpen = true
        var status: Int32 = 0
        var next = BootClock.now().adding(milliseconds: Int64(options.seconds) * 1000)
        var signals: [Int32] = [SIGTERM, SIGKILL]
        while waitpid(pid, &status, WNOHANG) == 0 {
            if BootClock.now() >= next, !signals.isEmpty {
                // All that it started: it has a process group of its own.
                kill(-pid, signals.removeFirst())
                next = BootClock.now().adding(milliseconds: grace)
            }
            var events = [
                pollfd(fd: process, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen ? reader : -1, events: Int16(POLLIN), revents: 0),
            ]
            // Without a descriptor of the process (a kernel before 5.3) its end is looked for.
            let pause = max(1, min(next.milliseconds(since: BootClock.now()), process < 0 ? 50 : 60_000))
            poll(&events, 2, Int32(pause))
            if isOpen { isOpen = drain(reader, &output) }
        }
        if isOpen { _ = drain(reader, &output) }
        return verdict(call, status, signals.count < 2 ? options.seconds : nil, output)
    }

    /// - Parameter limit: the seconds after which it was ended; nil where it ended by itself.
    private static func verdict(_ call: ScriptCall, _ status: Int32, _ limit: Int?, _ output: [UInt8]) -> String? {
        let signal = status & 0x7f
        let code = (status >> 8) & 0xff
        let how: String
        if let limit {
            how = "was ended after \(limit) s"
        } else if signal != 0 {
            how = "was ended by signal \(signal)"
        } else if code != 0 {
            how = "exited with \(code)"
        } else {
            return nil
        }
        let said = call.command.shown(output)
        return "\(call.description) \(how)" + (said.isEmpty ? "" : ": \(said)")
    }

    /// - Returns: whether more may come.
    private static func drain(_ reader: Int32, _ output: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(reader, &buffer, buffer.count)
            if count > 0 {
                output += buffer.prefix(count)
                if output.count > keptOutput { output.removeFirst(output.count - keptOutput) }
            } else if count < 0, errno == EINTR {
                continue
            } else {
                return count < 0 && errno == EAGAIN
            }
        }
    }

    private static func spawn(
        _ call: ScriptCall, _ file: Int32, _ writer: Int32
    ) throws(EnforcementError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, writer, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, writer, STDERR_FILENO)
        // What was checked, and nothing else of ours.
        posix_spawn_file_actions_adddup2(&actions, file, 3)
        posix_spawn_file_actions_addclosefrom_np(&actions, 4)
        posix_spawn_file_actions_addchdir_np(&actions, "/")
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var pid: pid_t = 0
        let code = withStrings([call.command.path] + call.arguments) { arguments in
            withStrings(call.command.variables) { variables in
                posix_spawn(&pid, "/proc/self/fd/3", &actions, &attributes, arguments, variables)
            }
        }
        switch code {
        case 0: return pid
        case ENOEXEC:
            throw EnforcementError(.unavailable, "\(call.command.path) is no program; is its #! line missing?")
        case ENOENT:
            throw EnforcementError(.unavailable, "\(call.command.path): the program of its #! line is not there")
        default:
            throw EnforcementError(.unavailable, "\(call.command.path) cannot be started: \(systemMessage(code))")
        }
    }

    private static func withStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
