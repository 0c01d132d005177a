import Foundation

/// Commands as somebody types them.
enum Shell {
    struct Result {
        var status: Int32
        var text: String
        var errors: String
    }

    /// Waits on a thread of its own: tasks share as many threads as the machine has cores.
    ///
    /// - Parameter folder: the working directory, the home, and the first place where commands are.
    static func run(_ script: String, in folder: String, input: String = "") async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Swift.Result { try runBlocking(script, in: folder, input: input) })
            }
        }
    }

    /// Talks by files, whose reading no signal interrupts.
    private static func runBlocking(_ script: String, in folder: String, input: String) throws -> Result {
        let scratch = TemporaryDirectory()
        for (name, text) in [("input", input), ("output", ""), ("errors", "")] {
            try Data(text.utf8).write(to: URL(filePath: scratch.path + "/" + name))
        }
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = URL(filePath: folder)
        process.environment = ["PATH": "\(folder):/usr/bin:/bin", "HOME": folder]
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: scratch.path + "/input"))
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: scratch.path + "/output"))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: scratch.path + "/errors"))
        try process.run()
        process.waitUntilExit()
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(filePath: scratch.path + "/" + name)), as: UTF8.self)
        }
        return Result(status: process.terminationStatus, text: try text("output"), errors: try text("errors"))
    }
}
