import Foundation
import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocAgent

@Suite("the agent's files")
struct FileTests {
    private func state() -> AgentState {
        AgentState(
            agent: testAgent, boot: "boot-1", wall: Timestamp(microseconds: 1), time: BootTime(milliseconds: 5),
            position: Scene.position(3), targets: [Scene.guardRow()],
            entries: [
                Scene.entry: .init(
                    target: Scene.target, address: Scene.alice, revision: 3, deadline: BootTime(milliseconds: 9000))
            ])
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("what is written is read again, and nobody else may read it")
    func whole() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let file = StateFile(path: scene.stateFile)
        try file.write(state())
        guard case .state(let read) = try file.read() else {
            Issue.record("no state")
            return
        }
        #expect(read == state())
        #expect(try mode(scene.stateFile) == 0o600)
        #expect(!FileManager.default.fileExists(atPath: scene.stateFile + ".new"))
    }

    @Test(
        "what root writes into another user's folder is that user's",
        .enabled(if: geteuid() == 0, "skipped: only root gives files away"))
    func givenAway() throws {
        let scene = try Scene()
        defer { scene.clean() }
        #expect(chown(scene.folder, 65_534, 65_534) == 0)
        try StateFile(path: scene.stateFile).write(state())
        _ = try KeyFile(path: scene.keyFile).readOrMake()
        for path in [scene.stateFile, scene.keyFile] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.ownerAccountID] as? Int == 65_534 && attributes[.groupOwnerAccountID] as? Int == 65_534)
            #expect(try mode(path) == 0o600)
        }
    }

    @Test(
        "root goes by no link of the agent's user, and waits for nothing that this one has put in a file's place",
        .enabled(if: geteuid() == 0, "skipped: only root could be led elsewhere"), .timeLimit(.minutes(1)))
    func foreignLinks() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let (roots, theirs) = (scene.folder + "/roots", scene.folder + "/theirs")
        for folder in [roots, theirs] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        }
        try StateFile(path: roots + "/state.json").write(state())
        let keys = try KeyFile(path: roots + "/keys.json").readOrMake()
        #expect(chown(theirs, 65_534, 65_534) == 0)
        for (link, target) in [
            ("way", roots), ("state.json", roots + "/state.json"), ("keys.json", "../roots/keys.json"),
        ] {
            let path = theirs + "/" + link
            #expect(symlink(target, path) == 0 && lchown(path, 65_534, 65_534) == 0)
        }
        for folder in [theirs, theirs + "/way"] {
            #expect(throws: AgentError.self) { try AgentSummary(stateFile: folder + "/state.json") }
            #expect(throws: AgentError.self) { try KeyFile(path: folder + "/keys.json").readOrMake() }
            #expect(throws: AgentError.self) { try KeyFile(path: folder + "/keys.json").read() }
        }
        #expect(throws: AgentError.self) { try StateFile(path: theirs + "/way/state.json").write(state()) }
        #expect(throws: AgentError.self) { try StateFile(path: theirs + "/way/state.json").remove() }
        #expect(throws: AgentError.self) { try KeyFile(path: theirs + "/way/new/keys.json").readOrMake() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: roots).sorted() == ["keys.json", "state.json"])
        #expect(try KeyFile(path: roots + "/keys.json").read()?.fingerprint == keys.fingerprint)

        #expect(mkfifo(theirs + "/fifo", 0o600) == 0)
        #expect(throws: AgentError.self) { try AgentSummary(stateFile: theirs + "/fifo") }
        #expect(throws: AgentError.self) { try KeyFile(path: theirs + "/fifo").readOrMake() }
    }

    @Test("keys are read by a link where an administrator has put one")
    func ownLink() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let keys = try KeyFile(path: scene.folder + "/real.json").readOrMake()
        #expect(symlink("real.json", scene.keyFile) == 0)
        #expect(try KeyFile(path: scene.keyFile).readOrMake().fingerprint == keys.fingerprint)
    }

    @Test("a file is exposed to everybody, or to a group that is neither root's nor ours")
    func exposed() throws {
        let scene = try Scene()
        defer { scene.clean() }
        try "Token = x".write(toFile: scene.stateFile, atomically: true, encoding: .utf8)
        for (mode, isExposed) in [(0o600, false), (0o640, false), (0o604, true), (0o644, true)] as [(mode_t, Bool)] {
            #expect(chmod(scene.stateFile, mode) == 0)
            #expect(FileText.isExposed(scene.stateFile) == isExposed)
        }
        guard geteuid() == 0 else { return }
        #expect(chown(scene.stateFile, 0, 65_534) == 0 && chmod(scene.stateFile, 0o640) == 0)
        #expect(FileText.isExposed(scene.stateFile))
    }

    @Test("root's files are read where systemd has copied them, others as they are")
    func credentials() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let (conf, token) = (AgentConfiguration.standardFile, AgentConfiguration.standardTokenFile)
        #expect(AgentConfiguration.credential(for: token, in: nil) == token)
        #expect(AgentConfiguration.credential(for: token, in: scene.folder) == token)
        // What SetCredential= gives where there is no file.
        try "\n".write(toFile: scene.folder + "/token", atomically: true, encoding: .utf8)
        #expect(AgentConfiguration.credential(for: token, in: scene.folder) == token)
        for (path, name) in [(token, "/token"), (conf, "/knocknoc.conf")] {
            try "text\n".write(toFile: scene.folder + name, atomically: true, encoding: .utf8)
            #expect(AgentConfiguration.credential(for: path, in: scene.folder) == scene.folder + name)
        }
        #expect(AgentConfiguration.credential(for: "/etc/token", in: scene.folder) == "/etc/token")
    }

    @Test("a torn file is moved aside and reported, wherever it was torn", arguments: [0, 1, 40, 200])
    func torn(bytes: Int) throws {
        let scene = try Scene()
        defer { scene.clean() }
        let file = StateFile(path: scene.stateFile)
        try file.write(state())
        let content = try Data(contentsOf: URL(fileURLWithPath: scene.stateFile))
        try content.prefix(bytes).write(to: URL(fileURLWithPath: scene.stateFile))
        guard case .damaged(_, let target) = try file.read() else {
            Issue.record("a torn file was taken for whole")
            return
        }
        #expect(target == scene.stateFile + ".damaged")
        guard case .none = try file.read() else {
            Issue.record("the torn file is still there")
            return
        }
    }

    @Test("a file of another format is not guessed at")
    func otherFormat() throws {
        let scene = try Scene()
        defer { scene.clean() }
        var newer = state()
        newer.format = 99
        try StateFile(path: scene.stateFile).write(newer)
        guard case .damaged(let reason, _) = try StateFile(path: scene.stateFile).read() else {
            Issue.record("format 99 was read")
            return
        }
        #expect(reason.contains("99"))
    }

    @Test("a removal that cannot be written takes the file away, so that it grants nothing again")
    func unwritable() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let file = StateFile(path: scene.stateFile)
        try file.write(state())
        // A folder where the temporary file would be: no write can succeed, for root neither.
        try FileManager.default.createDirectory(atPath: scene.stateFile + ".new", withIntermediateDirectories: false)
        let removal = StateWriter.write(state(), [4, 5], file)
        #expect(removal.durable == [4, 5])
        #expect(removal.error != nil)
        #expect(!FileManager.default.fileExists(atPath: scene.stateFile))
    }

    @Test("an addition that cannot be written leaves the file as it was")
    func unwritableAddition() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let file = StateFile(path: scene.stateFile)
        try file.write(state())
        try FileManager.default.createDirectory(atPath: scene.stateFile + ".new", withIntermediateDirectories: false)
        let result = StateWriter.write(state(), [], file)
        #expect(result.error?.message.contains(scene.stateFile) == true)
        #expect(FileManager.default.fileExists(atPath: scene.stateFile))
    }

    @Test("a removal is not confirmed while the file can neither be replaced nor taken away")
    func stuck() throws {
        let scene = try Scene()
        defer { scene.clean() }
        // A folder in the file's place.
        try FileManager.default.createDirectory(atPath: scene.stateFile, withIntermediateDirectories: false)
        let result = StateWriter.write(state(), [4, 5], StateFile(path: scene.stateFile))
        #expect(result.durable.isEmpty && result.stuck == [4, 5] && result.error != nil)
    }

    @Test("keys are made once, kept, and readable by nobody else")
    func keys() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let made = try KeyFile(path: scene.keyFile).readOrMake()
        let again = try KeyFile(path: scene.keyFile).readOrMake()
        #expect(made.fingerprint == again.fingerprint)
        #expect(made.fingerprint.hasPrefix("SHA256:"))
        #expect(try mode(scene.keyFile) == 0o600)
    }

    @Test("a damaged key file is never replaced by new keys")
    func damagedKeys() throws {
        let scene = try Scene()
        defer { scene.clean() }
        try Data("{}".utf8).write(to: URL(fileURLWithPath: scene.keyFile))
        #expect(throws: AgentError.self) { try KeyFile(path: scene.keyFile).readOrMake() }
        #expect(try Data(contentsOf: URL(fileURLWithPath: scene.keyFile)) == Data("{}".utf8))
    }

    @Test("a token file gives its first line, without white space")
    func tokenLine() throws {
        let scene = try Scene()
        defer { scene.clean() }
        let path = scene.folder + "/token"
        try Data("  \(testToken) \r\nmore\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try AgentConfiguration.readToken(path) == testToken)
    }
}
