import Synchronization
import Testing

@testable import KnocknocSystem

@Suite("work in steps")
struct StepTests {
    private final class Recorder: Console {
        let lines = Mutex<[String]>([])
        func tell(_ line: String) { lines.withLock { $0.append("out: " + line) } }
        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Broken: Error {}

    @Test("where one fails, those before it and it are undone, the last first")
    func undo() async throws {
        let (console, done) = (Recorder(), Recorder())
        await #expect(throws: Broken.self) {
            try await Undoing.run(console) { steps in
                try await steps.step("one") {
                    done.note("1")
                } undo: {
                    done.note("-1")
                }
                try await steps.step("two") {
                    done.note("2")
                } undo: {
                    throw Broken()
                }
                try await steps.step("three") {
                    throw Broken()
                } undo: {
                    done.note("-3")
                }
            }
        }
        #expect(done.lines.withLock { $0 } == ["1", "2", "-3", "-1"])
        #expect(console.lines.withLock { $0.contains { $0.contains("Put it back by hand") } })
    }

    @Test("what went well is left alone")
    func success() async throws {
        let done = Recorder()
        let result = try await Undoing.run(Recorder()) { steps in
            try await steps.step("one") {
                7
            } undo: {
                done.note("undone")
            }
        }
        #expect(result == 7)
        #expect(done.lines.withLock { $0.isEmpty })
    }

    @Test("a program's failure is told in its own words, one that is not there by its name")
    func commands() async throws {
        #expect(try await Command.run(["sh", "-c", "cat; exit 3"], input: "text").status == 3)
        #expect(try await Command.check("reading", ["cat"], input: "text\n") == "text")
        let failed = await #expect(throws: SystemError.self) {
            try await Command.check("looking", ["sh", "-c", "echo 'no such thing' >&2; exit 1"])
        }
        #expect(failed?.message == "looking failed: no such thing")
        let missing = await #expect(throws: SystemError.self) { try await Command.run(["/no/such/program"]) }
        #expect(missing?.code == .missing)
        #expect(try await Command.run(["sh", "-c", "kill -9 $$"]).status == 137)
        // More than a pipe holds, for one that reads nothing of it, and still has something to do.
        let much = String(repeating: "x", count: 1 << 20)
        let busy = "exec <&-; echo no >&2; head -c 100000000 /dev/zero | sha256sum >/dev/null; exit 3"
        let deaf = try await Command.run(["sh", "-c", busy], input: much)
        #expect(deaf.status == 3 && deaf.errors == "no\n")
    }
}
