import Foundation
import Glibc
import Synchronization

/// A child process with its ends of the pipes; nothing else is inherited.
struct Spawned {
    var pid: pid_t
    var input: Int32
    var output: Int32
    var errors: Int32

    /// Between the making of a pipe and its mark no other child may be started, else that child would hold it open.
    private static let starting = Mutex(())

    init(_ command: [String], environment: [String: String]) throws {
        self = try Self.starting.withLock { _ in try Spawned(alone: command, environment) }
    }

    private init(alone command: [String], _ environment: [String: String]) throws {
        var ends: [Int32] = []
        for _ in 0..<3 {
            var pair: [Int32] = [0, 0]
            guard pipe(&pair) == 0 else { throw LabError("no pipe: \(String(cString: strerror(errno)))") }
            for end in pair { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            ends += pair
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[3], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[5], 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = command.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var pid: pid_t = 0
        let program = command.first.map(Self.path) ?? ""
        let result = posix_spawn(&pid, program, &actions, &attributes, &arguments, &variables)
        for end in [ends[0], ends[3], ends[5]] { close(end) }
        guard result == 0 else {
            for end in [ends[1], ends[2], ends[4]] { close(end) }
            throw LabError("\(program) cannot be started: \(String(cString: strerror(result)))")
        }
        self.pid = pid
        (input, output, errors) = (ends[1], ends[2], ends[4])
    }

    private static func path(_ program: String) -> String {
        if program.contains("/") { return program }
        let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return folders.map { $0 + "/" + program }.first { access($0, X_OK) == 0 } ?? program
    }
}
