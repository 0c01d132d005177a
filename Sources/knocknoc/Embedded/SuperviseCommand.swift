import ArgumentParser
import Glibc

/// Keeps the embedded agent running: the process between the server, which has no right to the firewall, and the
/// agent, which has. It reads `KEY=VALUE` lines, an empty line and the token from standard input, and ends with it.
struct SuperviseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "supervise", shouldDisplay: false)

    @Argument var executable: String

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        var environment: [String] = []
        while let line = readLineUnbuffered(), !line.isEmpty { environment.append(line) }
        guard let token = readLineUnbuffered(), !token.isEmpty else { return }
        var delay: Int32 = 200
        while true {
            let began = ContinuousClock.now
            let status = try runAgent(environment, token)
            if serverIsGone(within: 0) { return }
            if ContinuousClock.now - began > .seconds(60) { delay = 200 }
            Exit.say("the embedded agent ended (\(Self.words(status))); starting it again in \(delay) ms")
            if serverIsGone(within: delay) { return }
            delay = min(delay * 2, 30_000)
        }
    }

    private func runAgent(_ environment: [String], _ token: String) throws -> Int32 {
        let pipe = try ChildProcess.pipe()
        ChildProcess.writeAll(token + "\n", to: pipe.write)
        close(pipe.write)
        defer { close(pipe.read) }
        let pid = try ChildProcess.spawn(
            [executable, "run", "--supervised", "--config", "none"], environment: environment,
            descriptors: [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, pipe.read], ownGroup: false)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status
    }

    /// Standard input is the server's: its end is the server's end.
    private func serverIsGone(within milliseconds: Int32) -> Bool {
        var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&input, 1, milliseconds) > 0 else { return false }
        return input.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0
    }

    /// Takes not a byte more than the line, since the agent shares the descriptor.
    private func readLineUnbuffered() -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
    }

    private static func words(_ status: Int32) -> String {
        let signal = status & 0x7f
        return signal == 0 ? "exit code \(status >> 8 & 0xff)" : "signal \(signal)"
    }
}
