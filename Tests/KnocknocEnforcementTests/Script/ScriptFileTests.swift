import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("which script may be started")
struct ScriptFileTests {
    private func refusal(_ path: String, below folder: String? = nil) -> String? {
        do throws(EnforcementError) {
            close(try ScriptFile.open(path, below: folder))
            return nil
        } catch {
            return error.message
        }
    }

    @Test("one that only root and the agent's user can change, in folders of which that is true")
    func accepted() throws {
        let folder = try ScriptFolder()
        #expect(refusal(folder.script, below: folder.path) == nil)
        #expect(refusal("/usr/bin/env") == nil)
    }

    @Test("every other one is refused, and why is said")
    func refused() throws {
        let folder = try ScriptFolder()
        let (path, script) = (folder.path, folder.script)
        #expect(refusal(path + "/none", below: path) == "\(path)/none is not there")
        #expect(refusal(path + "/done", below: path) == "\(path)/done is not a regular file")
        try #require(symlink(script, path + "/link") == 0)
        #expect(
            refusal(path + "/link", below: path)
                == "\(path)/link is a link, or no folder; name the place that it leads to")
        for mode: mode_t in [0o775, 0o757] {
            try #require(chmod(script, mode) == 0)
            #expect(refusal(script, below: path) == "\(script) can be changed by others; chmod go-w \(script)")
        }
        try #require(chmod(script, 0o644) == 0)
        #expect(refusal(script, below: path) == "\(script) is not executable")
        try #require(chmod(script, 0o755) == 0)
        if geteuid() == 0 {
            try #require(chown(script, 12345, 0) == 0)
            #expect(refusal(script, below: path) == "\(script) belongs to neither root nor the agent's user")
            try #require(chown(script, 0, 0) == 0)
        }
    }

    @Test("a folder on its way that others can change, or that is a link, is enough to refuse it")
    func folders() throws {
        let folder = try ScriptFolder()
        let inner = folder.path + "/inner"
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: false)
        try FileManager.default.copyItem(atPath: folder.script, toPath: inner + "/open")
        try #require(chmod(inner, 0o755) == 0 && chmod(inner + "/open", 0o755) == 0)
        #expect(refusal(inner + "/open", below: folder.path) == nil)
        try #require(chmod(inner, 0o775) == 0)
        #expect(
            refusal(inner + "/open", below: folder.path) == "\(inner) can be changed by others; chmod go-w \(inner)")
        try #require(chmod(inner, 0o755) == 0)
        try #require(symlink(inner, folder.path + "/link") == 0)
        #expect(
            refusal(folder.path + "/link/open", below: folder.path)
                == "\(folder.path)/link is a link, or no folder; name the place that it leads to")
        // From the root on nothing is taken as it is: /tmp is everybody's.
        let everybodys = try ScriptFolder()
        if everybodys.path.hasPrefix("/tmp/") {
            #expect(refusal(everybodys.script) == "/tmp can be changed by others; chmod go-w /tmp")
        }
    }
}

@Suite("what a script said")
struct ScriptOutputTests {
    private struct Opener: SecretOpener {
        var tellsText = false

        func open(_ value: SealedValue, field: String, of script: ScriptBackend) throws(EnforcementError) -> String {
            guard value.text != "sealed for another" else {
                throw EnforcementError(.refused, "secret needed: \(field)")
            }
            return "hunter2 of \(field)" + (tellsText ? ", \(value.text)" : "")
        }
    }

    @Test("at most 500 bytes of it are shown, the last ones, and no control character")
    func shortened() throws {
        let command = try ScriptCommand(ScriptBackend(path: "/a"), nil)
        let text = String(repeating: "x", count: 600) + "\u{1b}[0m\r\n\u{85}é end\0"
        let shown = command.shown(Array(text.utf8))
        #expect(shown.utf8.count == 500)
        #expect(shown.hasSuffix("xx [0m é end"))
        #expect(command.shown([0xff, 0x0a]).utf8.count == 3)
    }

    @Test("a secret reaches the script, and nobody else, whatever the script says")
    func secrets() async throws {
        let folder = try ScriptFolder(
            "printf '%s' \"$TOKEN\" > $here/token; [ $1 = flush ] || { echo \"bad: $TOKEN\"; exit 1; }")
        let enforcer = folder.enforcer(opener: Opener())
        let target = folder.target(1, sealed: ["TOKEN": SealedValue(text: "abc")])
        _ = await enforcer.define([target])
        #expect(try String(contentsOfFile: folder.path + "/token", encoding: .utf8) == "hunter2 of TOKEN")
        let outcomes = await enforcer.apply([.open(member(1, .v4(1)))])
        #expect(outcomes == [.failed("\(folder.script) add gate 0.0.0.1 exited with 1: bad: ***")])
        let command = try ScriptCommand(
            ScriptBackend(path: "/a", sealed: ["TOKEN": SealedValue(text: "abc")]), Opener())
        #expect(command.variables.contains("TOKEN=hunter2 of TOKEN"))
        #expect(!"\(command)".contains("hunter2") && !String(reflecting: command).contains("hunter2"))
        var dumped = ""
        dump(command, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test("a new value of a secret is no new list: nobody is put out, and what the old one could not do is done")
    func rotated() async throws {
        let folder = try ScriptFolder("[ \"$TOKEN\" = \"hunter2 of TOKEN, $(cat $here/valid)\" ] || exit 7")
        func target(_ value: String) -> TargetDefinition {
            folder.target(1, sealed: ["TOKEN": SealedValue(text: value)])
        }
        func accept(_ value: String) throws {
            try value.write(toFile: folder.path + "/valid", atomically: true, encoding: .utf8)
        }
        try accept("one")
        let enforcer = folder.enforcer(firstPause: 60_000, opener: Opener(tellsText: true))
        _ = await enforcer.define([target("one")])
        #expect(await enforcer.apply([.open(member(1, .v4(1)))]) == [.applied])
        try accept("two")
        let reason = "\(folder.script) del gate 0.0.0.1 exited with 7"
        #expect(
            await enforcer.apply([.close(target: KnocknocEnforcementTests.target(1), address: .v4(1))]) == [
                .failed(reason)
            ])
        let result = await enforcer.reconcile([target("two")], [])
        #expect(result.stuck.isEmpty && result.targets.values.allSatisfy { $0 == .applied })
        #expect(try await folder.next(3) == ["flush gate", "add gate 0.0.0.1", "del gate 0.0.0.1"])
        #expect(try await folder.isSilent())
    }

    @Test("a secret that does not open keeps that target closed")
    func notOpened() async throws {
        let folder = try ScriptFolder()
        let sealed = ["TOKEN": SealedValue(text: "sealed for another")]
        let enforcer = folder.enforcer(opener: Opener())
        let outcomes = await enforcer.define([folder.target(1, sealed: sealed), folder.target(2, name: "other")])
        #expect(outcomes == [target(1): .failed("secret needed: TOKEN"), target(2): .applied])
        #expect(await enforcer.apply([.open(member(1, .v4(1)))]) == [.failed("secret needed: TOKEN")])
    }
}
