import Foundation
import Lab
import Testing

@testable import KnocknocToolkit

@Suite("what is typed and holds a password", .enabled(if: geteuid() == 0, "needs root"))
struct HiddenInputTests {
    /// Runs a program on a terminal of its own, types a line at each prompt, and Ctrl-C at the last; then says how the
    /// terminal is left, and how the program ended.
    private static let driver = """
        import os, pty, sys, termios, fcntl, select
        program, arguments, steps = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
        master, slave = pty.openpty()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for descriptor in (0, 1, 2): os.dup2(slave, descriptor)
            os.execv(program, arguments)
        shown, place = b"", 0
        def echoes(): return bool(termios.tcgetattr(slave)[3] & termios.ECHO)
        for step in steps:
            prompt, answer = step.split("=>")
            while shown.find(prompt.encode(), place) < 0:
                if not select.select([master], [], [], 60)[0]: sys.exit("no prompt: " + shown.decode())
                shown += os.read(master, 65536)
            place = shown.find(prompt.encode(), place) + len(prompt)
            if answer == "^C": print("HIDDEN", not echoes())
            os.write(master, b"\\x03" if answer == "^C" else answer.encode() + b"\\n")
        status = os.waitpid(pid, 0)[1]
        print("ECHO", echoes())
        print("SIGNAL", status & 127, "STATUS", status >> 8)
        while select.select([master], [], [], 0)[0]: shown += os.read(master, 65536)
        print(shown.decode())
        """

    private func drive(_ program: String, _ arguments: String, _ steps: [String]) async throws -> String {
        let result = try await Shell.run(["python3", "-c", Self.driver, program, arguments] + steps)
        #expect(result.status == 0, "\(result)")
        return result.text
    }

    @Test("the installer's connection strings do not show, and Ctrl-C leaves the terminal as it was")
    func installer() async throws {
        let port = try FreePort.find()
        for option in ["2", "3"] {
            let prompt = option == "2" ? "Connection string of the new database: " : "Knocknoc database: "
            let text = try await drive(
                Lab.executable("knocknoc"), "knocknoc-setup",
                [
                    "Listen on=>127.0.0.1:\(port)", "TrustedForwarders (=>", "Option 1, 2 or 3?=>\(option)",
                    "\(prompt)=>postgres://me:s3cret@127.0.0.1:1/knocknoc", "\(prompt)=>^C",
                ])
            #expect(text.contains("HIDDEN True\nECHO True\nSIGNAL 2 "), "\(text)")
            #expect(!text.contains("s3cret") && text.contains("postgres://me:***@127.0.0.1:1/knocknoc"), "\(text)")
        }
    }

    @Test("a replication string does not show either")
    func replica() async throws {
        let text = try await drive(
            Lab.executable("knocknoc"), "knocknoc knocker replica --init", ["Replication string (not shown): =>^C"])
        #expect(text.contains("HIDDEN True\nECHO True\nSIGNAL 2 "), "\(text)")
    }
}
