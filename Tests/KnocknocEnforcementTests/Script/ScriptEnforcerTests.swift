import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("scripts", .timeLimit(.minutes(4)))
struct ScriptEnforcerTests {
    private let one = IPAddress.v4(0xc000_0201)
    private let two = IPAddress.v4(0xc000_0202)

    @Test("a list is flushed before anything is added, and each step is one call")
    func calls() async throws {
        let folder = try ScriptFolder()
        let enforcer = folder.enforcer()
        #expect(await enforcer.define([folder.target(1)]) == [target(1): .applied])
        #expect(try await folder.next() == "flush gate")
        let six = try address("2001:db8::7")
        #expect(await enforcer.apply([.open(member(1, one)), .open(member(1, six))]) == [.applied, .applied])
        #expect(try await Set(folder.next(2)) == ["add gate 192.0.2.1", "add gate 2001:db8::7"])
        // Another end is no news to a script.
        #expect(await enforcer.apply([.open(member(1, one, seconds: 900))]) == [.applied])
        #expect(await enforcer.apply([.cut(target: target(1), address: one)]) == [.applied])
        #expect(try await folder.isSilent())
        #expect(await enforcer.apply([.close(target: target(1), address: one)]) == [.applied])
        #expect(try await folder.next() == "del gate 192.0.2.1")
        #expect(await enforcer.define([folder.target(1, purpose: .released)]) == [target(1): .applied])
        #expect(try await folder.next() == "flush gate")
        #expect(await enforcer.define([folder.target(1, purpose: .released)]) == [target(1): .applied])
        #expect(try await folder.isSilent())
    }

    @Test("a prefix makes the addresses of IPv6 networks")
    func prefix() async throws {
        let folder = try ScriptFolder()
        let enforcer = folder.enforcer()
        var wide = folder.target(1)
        wide.backend.ipv6Prefix = 64
        _ = await enforcer.define([wide])
        #expect(try await folder.next() == "flush gate")
        let whole = try address("2001:db8::")
        #expect(await enforcer.apply([.open(member(1, one)), .open(member(1, whole))]) == [.applied, .applied])
        #expect(try await Set(folder.next(2)) == ["add gate 192.0.2.1", "add gate 2001:db8::/64"])
        #expect(await enforcer.apply([.close(target: target(1), address: whole)]) == [.applied])
        #expect(try await folder.next() == "del gate 2001:db8::/64")
        let both = await enforcer.define([wide, folder.target(2)])
        #expect(both.values.filter { $0 == .applied }.count == 1, "one list, by one kind of address")
    }

    @Test("a script has a bare environment and the Knoc's variables, and nothing of the agent's")
    func environment() async throws {
        setenv("KNOCKNOC_AGENT_TOKEN", "kna_not_for_scripts", 1)
        let folder = try ScriptFolder(
            "/usr/bin/env > $here/variables; ls /proc/self/fd | sort -n | tail -n 1 > $here/highest")
        let enforcer = folder.enforcer()
        _ = await enforcer.define([folder.target(1, environment: ["HOST": "fw 1; `id`", "USER_NAME": "$HOME"])])
        #expect(try await folder.next() == "flush gate")
        let lines = try String(contentsOfFile: folder.path + "/variables", encoding: .utf8).split(separator: "\n")
        // The shell adds two of its own.
        let own = Set(lines.map(String.init)).filter { !$0.hasPrefix("PWD=") && !$0.hasPrefix("_=") }
        #expect(
            own == [
                "HOST=fw 1; `id`", "USER_NAME=$HOME", "LANG=C.UTF-8", "KNOCKNOC_SCRIPT=\(folder.script)",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ])
        // Standard streams, the script's own file, and what ls and the shell have opened.
        let highest = try String(contentsOfFile: folder.path + "/highest", encoding: .utf8)
        #expect(try #require(Int(highest.filter(\.isNumber))) <= 12)
    }

    @Test("after the agent's restart the list is flushed and made anew, without what has expired")
    func restart() async throws {
        let folder = try ScriptFolder()
        let enforcer = folder.enforcer()
        let result = await enforcer.reconcile(
            [folder.target(1)], [member(1, one), member(1, two, seconds: -5)])
        #expect(result == Reconciliation(targets: [target(1): .applied]))
        #expect(try await folder.next(2) == ["flush gate", "add gate 192.0.2.1"])
        let again = await enforcer.reconcile([folder.target(1)], [member(1, two)])
        #expect(again == Reconciliation(targets: [target(1): .applied]))
        #expect(try await folder.next(2) == ["del gate 192.0.2.1", "add gate 192.0.2.2"])
        #expect(try await folder.isSilent())
    }

    @Test("access ends on time by the enforcer itself")
    func expiry() async throws {
        let folder = try ScriptFolder()
        let enforcer = folder.enforcer()
        _ = await enforcer.define([folder.target(1)])
        #expect(await enforcer.apply([.open(member(1, one, seconds: 1.3))]) == [.applied])
        #expect(try await folder.next(3).last == "del gate 192.0.2.1")
    }

    @Test("an addition that fails says what the script said, and is tried again until it is done")
    func failure() async throws {
        let folder = try ScriptFolder(
            """
            [ $1 = flush ] || [ ! -e $here/broken ] || { printf 'no route\\tto \\033[1mfirewall\\n' >&2; exit 3; }
            """)
        let enforcer = folder.enforcer()
        let disturbances = enforcer.disturbances()
        _ = await enforcer.define([folder.target(1)])
        try folder.make("broken")
        let said = "\(folder.script) add gate 192.0.2.1 exited with 3: no route to [1mfirewall"
        #expect(await enforcer.apply([.open(member(1, one))]) == [.failed(said)])
        try folder.remove("broken")
        for await disturbance in disturbances {
            #expect(disturbance == .changed)
            break
        }
        let result = await enforcer.reconcile([folder.target(1)], [member(1, one)])
        #expect(result == Reconciliation(targets: [target(1): .applied]))
    }

    @Test("a deletion that fails is tried again until it is done, and reported as stuck meanwhile")
    func stuck() async throws {
        let folder = try ScriptFolder("[ $1 != del ] || [ ! -e $here/broken ] || exit 1")
        let enforcer = folder.enforcer()
        let disturbances = enforcer.disturbances()
        _ = await enforcer.define([folder.target(1)])
        _ = await enforcer.apply([.open(member(1, one))])
        try folder.make("broken")
        let reason = "\(folder.script) del gate 192.0.2.1 exited with 1"
        #expect(await enforcer.apply([.close(target: target(1), address: one)]) == [.failed(reason)])
        let result = await enforcer.reconcile([folder.target(1)], [])
        #expect(result.stuck == [.init(target: target(1), address: one, reason: reason)])
        try folder.remove("broken")
        for await _ in disturbances { break }
        #expect(await enforcer.reconcile([folder.target(1)], []).stuck.isEmpty)
        #expect(await enforcer.apply([.close(target: target(1), address: one)]) == [.applied])
    }

    @Test("nothing is added to a list that cannot be flushed")
    func noFlush() async throws {
        let folder = try ScriptFolder("[ $1 != flush ] || [ ! -e $here/broken ] || exit 1")
        try folder.make("broken")
        let enforcer = folder.enforcer()
        let disturbances = enforcer.disturbances()
        let failed = KnocknocEnforcement.Outcome.failed("\(folder.script) flush gate exited with 1")
        #expect(await enforcer.define([folder.target(1)]) == [target(1): failed])
        #expect(await enforcer.apply([.open(member(1, one))]) == [failed])
        // What an earlier run may have let in is taken away all the same.
        #expect(await enforcer.apply([.close(target: target(1), address: two)]) == [.applied])
        #expect(try await folder.next() == "del gate 192.0.2.2")
        #expect(try await folder.isSilent())
        try folder.remove("broken")
        #expect(try await folder.next(2) == ["flush gate", "add gate 192.0.2.1"])
        for await _ in disturbances { break }
        #expect(await enforcer.apply([.open(member(1, one))]) == [.applied])
    }

    @Test("a slow script is answered for before it has ended, and what became of it is told after")
    func slow() async throws {
        let folder = try ScriptFolder("[ $1 != add ] || [ $2 != slow ] || read line < $here/go")
        try #require(mkfifo(folder.path + "/go", 0o600) == 0)
        let enforcer = folder.enforcer(patience: 200)
        let disturbances = enforcer.disturbances()
        let targets = [folder.target(1, name: "slow"), folder.target(2, name: "quick")]
        // A flush may take longer than the patience on a busy machine.
        while await enforcer.define(targets).values.contains(where: { $0 != .applied }) {}
        let said = "still running: \(folder.script) add slow 192.0.2.1"
        #expect(await enforcer.apply([.open(member(1, one))]) == [.failed(said)])
        // Other lists are not kept waiting.
        while await enforcer.apply([.open(member(2, one))]) != [.applied] {}
        let go = open(folder.path + "/go", O_WRONLY | O_CLOEXEC)
        #expect(write(go, "\n", 1) == 1)
        close(go)
        for await _ in disturbances {
            if await enforcer.apply([.open(member(1, one))]) == [.applied] { break }
        }
        let result = await enforcer.reconcile(targets, [member(1, one), member(2, one)])
        #expect(result.failures.isEmpty)
    }

    @Test("a script that takes too long is ended, with all that it has started, even if it does not listen")
    func timeLimit() async throws {
        let folder = try ScriptFolder("[ $1 != add ] || { trap '' TERM; echo waiting; while :; do sleep 1000; done; }")
        let enforcer = folder.enforcer(seconds: 1)
        _ = await enforcer.define([folder.target(1)])
        let outcomes = await enforcer.apply([.open(member(1, one))])
        #expect(outcomes == [.failed("\(folder.script) add gate 192.0.2.1 was ended after 1 s: waiting")])
    }

    @Test("two targets on one list: an address stays until the last has left, and other variables are refused")
    func shared() async throws {
        let folder = try ScriptFolder()
        let enforcer = folder.enforcer()
        let outcomes = await enforcer.define([
            folder.target(1), folder.target(2), folder.target(3, environment: ["A": "b"]),
        ])
        let refusal = "another Knoc calls \(folder.script) gate with other variables; give this one another name"
        #expect(outcomes == [target(1): .applied, target(2): .applied, target(3): .failed(refusal)])
        #expect(await enforcer.apply([.open(member(1, one)), .open(member(2, one))]) == [.applied, .applied])
        #expect(await enforcer.apply([.close(target: target(1), address: one)]) == [.applied])
        #expect(try await folder.next(2) == ["flush gate", "add gate 192.0.2.1"])
        #expect(try await folder.isSilent())
        #expect(await enforcer.define([folder.target(1)]) == [target(1): .applied])
        #expect(try await folder.next() == "del gate 192.0.2.1")
    }

    @Test("with other variables it may be another list: the old one is flushed with the old ones")
    func changed() async throws {
        let folder = try ScriptFolder("set -- \"$@\" $HOST")
        let enforcer = folder.enforcer()
        _ = await enforcer.define([folder.target(1, environment: ["HOST": "a"])])
        _ = await enforcer.apply([.open(member(1, one))])
        _ = await enforcer.define([folder.target(2, environment: ["HOST": "b"])])
        _ = await enforcer.apply([.open(member(2, one))])
        let calls = try await folder.next(5)
        #expect(
            calls == [
                "flush gate a", "add gate 192.0.2.1 a", "flush gate a", "flush gate b", "add gate 192.0.2.1 b",
            ])
    }
}
