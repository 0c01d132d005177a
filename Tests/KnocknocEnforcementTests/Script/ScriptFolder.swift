import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// A folder with one script, and a FIFO through which it says what it has done.
actor ScriptFolder {
    nonisolated let path: String
    nonisolated let script: String
    private let done: Int32
    private var lines: AsyncStream<String>.Iterator

    /// - Parameter body: what the script does before it says `VERB NAME ADDRESS`; `$here` is this folder.
    init(_ body: String = "", mode: Int = 0o755) throws {
        path = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path + "/script-" + UUID().uuidString
        script = path + "/open"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try #require(chmod(path, 0o755) == 0)
        let text = """
            #!/bin/sh
            here=\(path)
            \(body)
            echo "$*" > $here/done

            """
        try #require(FileManager.default.createFile(atPath: script, contents: Data(text.utf8)))
        try #require(chmod(script, mode_t(mode)) == 0)
        try #require(mkfifo(path + "/done", 0o600) == 0)
        done = open(path + "/done", O_RDWR | O_CLOEXEC)
        try #require(done >= 0)
        let (stream, continuation) = AsyncStream<String>.makeStream()
        lines = stream.makeAsyncIterator()
        let descriptor = done
        // Blocks on a thread of its own, since those of tasks are few.
        try startThread("calls", networkNamespace: nil) {
            var line: [UInt8] = []
            var byte: UInt8 = 0
            while read(descriptor, &byte, 1) == 1, byte != 0 {
                if byte != UInt8(ascii: "\n") {
                    line.append(byte)
                } else {
                    continuation.yield(String(decoding: line, as: UTF8.self))
                    line = []
                }
            }
            close(descriptor)
        }
    }

    deinit {
        var end: UInt8 = 0
        _ = write(done, &end, 1)
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The next call that the script has gone through, as `add NAME ADDRESS`.
    func next() async throws -> String {
        var iterator = lines
        let line = await iterator.next(isolation: self)
        lines = iterator
        return try #require(line)
    }

    func next(_ count: Int) async throws -> [String] {
        var all: [String] = []
        for _ in 0..<count { all.append(try await next()) }
        return all
    }

    /// Whether no call was made that was not read.
    func isSilent() async throws -> Bool {
        try #require(write(done, "nothing\n", 8) == 8)
        return try await next() == "nothing"
    }

    nonisolated func make(_ name: String) throws {
        try #require(FileManager.default.createFile(atPath: path + "/" + name, contents: nil))
    }

    nonisolated func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }

    /// - Parameter patience: milliseconds that a caller waits.
    nonisolated func enforcer(
        patience: Int64 = 60_000, seconds: Int = 60, firstPause: Int64 = 10, opener: (any SecretOpener)? = nil
    ) -> ScriptEnforcer {
        var options = ScriptOptions(seconds: seconds)
        options.patience = patience
        options.firstPause = firstPause
        options.trustedFolder = path
        return ScriptEnforcer(options, opener: opener)
    }

    nonisolated func target(
        _ number: UInt128, name: String = "gate", environment: [String: String] = [:],
        sealed: [String: SealedValue] = [:], purpose: TargetDefinition.Purpose = .enforce
    ) -> TargetDefinition {
        let backend = ScriptBackend(path: script, name: name, environment: environment, sealed: sealed)
        return TargetDefinition(
            id: TargetID(value: number), backend: .script(backend), confirmed: true, purpose: purpose)
    }
}
