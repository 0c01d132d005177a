import Foundation

/// A shell that starts something for each line that it reads, says `ready`, and ends it at end of file: when this
/// process ends in whatever way.
final class Supervised: Sendable {
    private let lifeline: FileHandle
    private let answers: FileHandle

    init(_ script: String) throws {
        let process = Command.process("sh", ["-c", script])
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        lifeline = input.fileHandleForWriting
        answers = output.fileHandleForReading
    }

    func start(_ name: String) async throws {
        try lifeline.write(contentsOf: Data("start\n".utf8))
        let answers = answers
        guard try await Command.onThread({ Command.read(answers, count: 6) }) == Array("ready\n".utf8) else {
            throw Command.Failure(description: "\(name) did not start")
        }
    }
}
